import {afterAll, beforeAll, expect, it} from 'vitest';
import {catchExpected} from './commandSuite.ts';
import {deployAdding, onDevice, openWorkshop, type Workshop} from './deployDevice.ts';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

/** No device answers that fast. */
const NEVER = 1e-6;
const LENIENT = {p95ToPrediction: 1000, p95ToPrevious: 1000, leastLimitMs: 0};

it.concurrent(
  'a release slower than the one before is taken back, and that serves again',
  onDevice(
    () => workshop,
    async device => {
      const {release} = await deployAdding(workshop, device, 1);
      const slow = deployAdding(workshop, device, 2, {parts: {gates: {...LENIENT, p95ToPrevious: NEVER}}});
      const failure = await catchExpected(slow);
      expect(failure).toMatchObject({code: 'release-too-slow', exitCode: 1});
      expect(failure.message).toMatch(
        /requests took longer than .* that the release before allows.*serves again/,
      );
      expect(await device.current()).toBe(release);
      expect(await device.answer()).toBe(1);
      expect((await catchExpected(deployAdding(workshop, device, 2))).code).toBe('release-known-bad');
    },
  ),
);

it.concurrent(
  'one slower than predicted stays where the one before was no faster, or where there was none',
  onDevice(
    () => workshop,
    async device => {
      const slow = {parts: {predictedMs: NEVER, gates: LENIENT}};
      await deployAdding(workshop, device, 1, slow);
      expect(await device.answer()).toBe(1);
      await deployAdding(workshop, device, 3, {parts: {...slow.parts, timedRequests: 60}});
      expect(await device.answer()).toBe(3);
    },
  ),
);
