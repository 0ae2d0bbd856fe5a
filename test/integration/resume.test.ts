import {randomBytes} from 'node:crypto';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, beforeEach, expect, it} from 'vitest';
import {digestOfBytes, hexOfDigest} from '../../src/workspace/digest.ts';
import {
  damagedFiles,
  deployAdding,
  makeDevice,
  openWorkshop,
  type TestDevice,
  type Workshop,
} from './deployDevice.ts';

const MEBI = 2 ** 20;
const PIECE = 256 * 1024;
let workshop: Workshop;
let device: TestDevice;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());
beforeEach(async () => {
  device = await makeDevice(workshop);
});
afterEach(() => device.remove());

it('what has arrived is not sent again: not the right pieces of a blob that was cut off, nor blobs of another release', async () => {
  const weights = randomBytes(8 * MEBI);
  // Cut off after 6 MiB, with a hole in the midst, as several channels leave it.
  const part = Buffer.from(weights.subarray(0, 6 * MEBI));
  part.fill(0, 3 * MEBI, 3 * MEBI + 1000);
  const blobs = join(device.root, 'blobs/sha256');
  await writeFile(join(blobs, `${hexOfDigest(digestOfBytes(weights))}.partial`), part);
  const first = await deployAdding(workshop, device, 1, {weights: [weights]});
  expect(first.sentBytes).toBeGreaterThanOrEqual(2 * MEBI + PIECE);
  expect(first.sentBytes).toBeLessThan(2 * MEBI + PIECE + 64 * 1024);
  expect(await damagedFiles(device.root)).toEqual([]);
  const second = await deployAdding(workshop, device, 2, {weights: [weights]});
  expect(second.sentBytes).toBeLessThan(64 * 1024);
  expect(await device.answer()).toBe(2);
});
