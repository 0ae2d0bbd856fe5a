// Whether an emulated device keeps its speed while this machine's own wanders: the same inference on two devices, one that
// keeps its pace and one that does not, turn about for a second each.
// node bench/labPace.ts [model] [batch] [slowdown] [seconds]
import {fileURLToPath} from 'node:url';
import {chooseCores, pinningPrefix} from '../src/lab/corePinning.ts';
import {startGovernor, type Governor} from '../src/lab/governor.ts';
import {
  mean,
  pause,
  percentile,
  startBurstProcess,
  type BurstProcess,
} from '../test/integration/labBursts.ts';

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const model = process.argv[2] ?? fromHere('../templates/quickstart/pictures.onnx');
const batch = process.argv[3] ?? '32';
const slowdown = Number(process.argv[4] ?? 6);
const seconds = Number(process.argv[5] ?? 60);
const GROUP_MS = 1000;

interface Device {
  readonly keepsPace: boolean;
  readonly burst: BurstProcess;
  readonly governor: Governor;
  readonly medians: number[];
  readonly all: number[];
}

const deviceCores = chooseCores(1, 0);
const devices = [await startDevice(false), await startDevice(true)];
for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs;)
  for (const device of devices) await measureGroup(device);
console.log('keeps pace  groups  median ms  their spread (sd / mean)  fastest  slowest  p10 and p90 of one');
for (const device of devices) {
  const {keepsPace, medians, all} = device;
  const middle = mean(medians);
  const deviation = Math.sqrt(mean(medians.map(each => (each - middle) ** 2)));
  console.log(
    [
      (keepsPace ? 'yes' : 'no').padStart(10),
      String(medians.length).padStart(7),
      percentile(all, 0.5).toFixed(2).padStart(10),
      `${((deviation / middle) * 100).toFixed(1)} %`.padStart(25),
      Math.min(...medians)
        .toFixed(2)
        .padStart(8),
      Math.max(...medians)
        .toFixed(2)
        .padStart(8),
      `${percentile(all, 0.1).toFixed(2)} … ${percentile(all, 0.9).toFixed(2)}`.padStart(19),
    ].join(' '),
  );
  await device.governor.close();
  await device.burst.stop();
}

async function startDevice(keepsPace: boolean): Promise<Device> {
  const marker = `bench-${process.pid}-${keepsPace ? 'steady' : 'plain'}`;
  const burst = await startBurstProcess({
    script: [fromHere('../test/integration/labModelChild.ts'), model, batch],
    commandPrefix: pinningPrefix(deviceCores),
    environment: {EDGEWISE_LAB_DEVICE: marker},
  });
  const governor = await startGovernor({
    marker: `EDGEWISE_LAB_DEVICE=${marker}`,
    slowdown,
    cores: 1,
    deviceCores,
    keepsPace,
  });
  return {keepsPace, burst, governor, medians: [], all: []};
}

async function measureGroup({burst, medians, all}: Device): Promise<void> {
  const group: number[] = [];
  for (const endMs = performance.now() + GROUP_MS; performance.now() < endMs;) {
    await pause();
    group.push(await burst.runBurst(1));
  }
  medians.push(percentile(group, 0.5));
  all.push(...group);
}
