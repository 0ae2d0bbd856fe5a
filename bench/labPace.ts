// Whether an emulated device keeps its speed while this machine's own wanders: the same inference on devices that are slowed in
// different ways, turn about for two seconds each. The last way needs root.
// node bench/labPace.ts [model] [batch] [slowdown] [seconds]
import {fileURLToPath} from 'node:url';
import {chooseCores, pinningPrefix} from '../src/lab/corePinning.ts';
import {startGovernor, type Governor} from '../src/lab/governor.ts';
import {startCoreTaker} from '../src/lab/ownCores/coreTaker.ts';
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
const GROUP_MS = 2000;

type Way = 'stopped' | 'stopped, keeps its pace' | 'its core taken';

interface Device {
  readonly way: Way;
  readonly burst: BurstProcess;
  /** `null`: its core is taken while it is measured, for that slows the others, too. */
  readonly governor: Governor | null;
  readonly medians: number[];
  readonly all: number[];
}

const deviceCores = chooseCores(1, 0);
const ways: readonly Way[] = [
  'stopped',
  'stopped, keeps its pace',
  ...(process.getuid?.() === 0 ? (['its core taken'] as const) : []),
];
const fullSpeedMs = await measureFullSpeed();
const devices: Device[] = [];
for (const way of ways) devices.push(await startDevice(way));
console.log(`full speed: ${fullSpeedMs.toFixed(2)} ms`);
for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs;)
  for (const device of devices) await measureGroup(device);
console.log(
  'slowed by                groups  median ms   times  their spread (sd / mean)  fastest  slowest  spread of one  p10 and p90 of one',
);
for (const device of devices) {
  const {way, medians, all} = device;
  console.log(
    [
      way.padEnd(23),
      String(medians.length).padStart(7),
      percentile(all, 0.5).toFixed(2).padStart(10),
      (percentile(all, 0.5) / fullSpeedMs).toFixed(2).padStart(7),
      spread(medians).padStart(25),
      Math.min(...medians)
        .toFixed(2)
        .padStart(8),
      Math.max(...medians)
        .toFixed(2)
        .padStart(8),
      spread(all).padStart(14),
      `${percentile(all, 0.1).toFixed(2)} … ${percentile(all, 0.9).toFixed(2)}`.padStart(19),
    ].join(' '),
  );
  await device.governor?.close();
  await device.burst.stop();
}

function spread(values: readonly number[]): string {
  const middle = mean(values);
  const deviation = Math.sqrt(mean(values.map(each => (each - middle) ** 2)));
  return `${((deviation / middle) * 100).toFixed(1)} %`;
}

async function measureFullSpeed(): Promise<number> {
  const burst = await startInference(`bench-${process.pid}-full`);
  const times: number[] = [];
  for (let run = 0; run < 60; run += 1) {
    await pause();
    times.push(await burst.runBurst(1));
  }
  await burst.stop();
  return percentile(times, 0.5);
}

async function startDevice(way: Way): Promise<Device> {
  const marker = `bench-${process.pid}-${ways.indexOf(way)}`;
  const burst = await startInference(marker);
  const governor =
    way === 'its core taken'
      ? null
      : await startGovernor({
          marker: `EDGEWISE_LAB_DEVICE=${marker}`,
          slowdown,
          cores: 1,
          deviceCores,
          keepsPace: way !== 'stopped',
        });
  return {way, burst, governor, medians: [], all: []};
}

function startInference(marker: string): Promise<BurstProcess> {
  return startBurstProcess({
    script: [fromHere('../test/integration/labModelChild.ts'), model, batch],
    commandPrefix: pinningPrefix(deviceCores),
    environment: {EDGEWISE_LAB_DEVICE: marker},
  });
}

async function measureGroup({burst, governor, medians, all}: Device): Promise<void> {
  const group: number[] = [];
  const taker = governor === null ? await startCoreTaker({slowdown, deviceCores}) : null;
  for (const endMs = performance.now() + GROUP_MS; performance.now() < endMs;) {
    await pause();
    group.push(await burst.runBurst(1));
  }
  await taker?.close();
  medians.push(percentile(group, 0.5));
  all.push(...group);
}
