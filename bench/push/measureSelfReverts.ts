import {setTimeout as sleep} from 'node:timers/promises';
import {ignoreEvents} from '../../src/events.ts';
import {activateRelease} from '../../src/workflows/deploy/activateRelease.ts';
import {withDeviceLock} from '../../src/workflows/deploy/deviceLock.ts';
import {isServing, readDeviceTruth} from '../../src/workflows/deploy/readDeviceTruth.ts';
import {signRelease} from '../../src/workflows/deploy/signRelease.ts';
import {stageRelease} from '../../src/workflows/deploy/stageRelease.ts';
import {
  composeAdding,
  deployAdding,
  makeDevice,
  type TestDevice,
  type Workshop,
} from '../../test/integration/deployDevice.ts';

const DEADLINE_MS = 2000;
const GRACE_MS = 5000;
const AT_ONCE = 2;

/** Half of the runs only lose their controller, the others all of the device's processes as well. Returns the failures. */
export async function measureSelfReverts(workshop: Workshop, runs: number): Promise<number> {
  const lateMs: number[] = [];
  let failures = 0;
  let next = 0;
  const work = async (): Promise<void> => {
    const device = await makeDevice(workshop);
    try {
      const {release} = await deployAdding(workshop, device, 1, {madeSecond: 1});
      while (next < runs) {
        const run = next++;
        const tookMs = await loseController(workshop, device, release, 2 + run, run % 2 === 1);
        if (tookMs > DEADLINE_MS + GRACE_MS) failures += 1;
        lateMs.push(tookMs - DEADLINE_MS);
      }
    } finally {
      await device.remove();
    }
  };
  await Promise.all(Array.from({length: AT_ONCE}, work));
  lateMs.sort((a, b) => a - b);
  const at = (fraction: number): string =>
    ((lateMs[Math.min(lateMs.length - 1, Math.floor(fraction * lateMs.length))] ?? NaN) / 1000).toFixed(2);
  console.log(
    `self-revert: ${runs - failures} of ${runs} back and serving within deadline + 5 s; after the deadline: median ${at(0.5)} s, p95 ${at(0.95)} s, worst ${at(1)} s`,
  );
  return failures;
}

/** Milliseconds from the switch to the old release's serving again. */
async function loseController(
  workshop: Workshop,
  device: TestDevice,
  first: string,
  constant: number,
  isPowerCut: boolean,
): Promise<number> {
  const composed = await composeAdding(workshop, constant, {port: device.port, madeSecond: constant});
  await device.withMachine(machine =>
    withDeviceLock(machine, async lock => {
      const truth = await readDeviceTruth(machine);
      const signed = await signRelease(workshop.store, composed, truth, workshop.key, {
        allowsDowngrade: false,
      });
      const staged = await stageRelease(machine, lock, truth, workshop, signed, {}, ignoreEvents);
      // A device that loses its power at once would not have come to the switch yet.
      return activateRelease(machine, lock, staged, {confirmWithinMs: DEADLINE_MS}).catch(() => null);
    }),
  );
  const startedAt = performance.now();
  if (isPowerCut) {
    await device.cutPower();
    await device.start(true);
  }
  for (;;) {
    const truth = await device.withMachine(readDeviceTruth);
    const tookMs = performance.now() - startedAt;
    if (isServing(truth, first) && truth.openSwitch === null) {
      return (await device.answer()) === 1 ? tookMs : Infinity;
    }
    if (tookMs > 60_000) return Infinity;
    await sleep(50);
  }
}
