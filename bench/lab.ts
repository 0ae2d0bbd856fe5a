// How exact the lab's slowdown is: the same bursts of work, governed and not, turn about.
// node bench/lab.ts [slowdowns] [burst lengths in ms]      for instance: node bench/lab.ts 4,20 1,5,50
// Measured from outside: from the request to the answer.
// With a model as third argument the work is inference in a worker thread, as often as fits into the length, at least once;
// the fourth is how many seconds each pair may take when it is slowed (12):
// node bench/lab.ts 4,20 5,50 ../shared/models/cifar10-resnet/resnet20_cifar10.onnx 3
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {chooseCores, pinningPrefix} from '../src/lab/corePinning.ts';
import {startGovernor} from '../src/lab/governor.ts';
import {
  compareBursts,
  mean,
  percentile,
  startBurstProcess,
  unitsPerMs,
} from '../test/integration/labBursts.ts';

const slowdowns = (process.argv[2] ?? '2,4,20,100').split(',').map(Number);
const lengthsMs = (process.argv[3] ?? '1,5,50').split(',').map(Number);
const BUDGET_MS = Number(process.argv[5] ?? 12) * 1000;
const BLOCKS = 8;

const device = `bench-${process.pid}`;
const deviceCores = chooseCores(1, 0);
const modelFile = process.argv[4] || undefined;
const modelChild = fileURLToPath(new URL('../test/integration/labModelChild.ts', import.meta.url));
const burst = await startBurstProcess({
  ...(modelFile === undefined ? {} : {script: [modelChild, modelFile]}),
  commandPrefix: pinningPrefix(deviceCores),
  environment: {EDGEWISE_LAB_DEVICE: device},
});
const perMs = await unitsPerMs(burst, modelFile === undefined ? 500 : 4);
if (modelFile !== undefined) console.log(`one inference takes ${(1 / perMs).toFixed(2)} ms at best`);
console.log('slowdown  burst ms  bursts  ratio of means  of p50  of p95  controller, % of a core');
for (const slowdown of slowdowns) {
  for (const lengthMs of lengthsMs) {
    const perBlock = Math.max(1, Math.min(40, Math.round(BUDGET_MS / (lengthMs * slowdown * BLOCKS))));
    let cpuMs = 0;
    let governedMs = 0;
    const {fullSpeedMs, slowedMs} = await compareBursts(
      burst,
      Math.max(1, Math.round(perMs * lengthMs)),
      {blocks: BLOCKS, perBlock},
      async () => {
        const settings = {marker: `EDGEWISE_LAB_DEVICE=${device}`, slowdown, cores: 1, deviceCores};
        const governor = await startGovernor(settings);
        const startCpuMs = readCpuMs(governor.pid);
        const startMs = performance.now();
        return {
          close: async () => {
            cpuMs += readCpuMs(governor.pid) - startCpuMs;
            governedMs += performance.now() - startMs;
            await governor.close();
          },
        };
      },
    );
    console.log(
      [
        String(slowdown).padStart(8),
        String(lengthMs).padStart(9),
        String(slowedMs.length).padStart(7),
        (mean(slowedMs) / mean(fullSpeedMs)).toFixed(2).padStart(15),
        (percentile(slowedMs, 0.5) / percentile(fullSpeedMs, 0.5)).toFixed(2).padStart(7),
        (percentile(slowedMs, 0.95) / percentile(fullSpeedMs, 0.95)).toFixed(2).padStart(7),
        ((cpuMs / governedMs) * 100).toFixed(1).padStart(8),
      ].join(' '),
    );
  }
}
await burst.stop();

/** User and system time of a process so far; the kernel counts it in hundredths of a second. */
function readCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
