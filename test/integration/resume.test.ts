import {randomBytes} from 'node:crypto';
import {mkdtemp, readdir, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {BLOCK_BYTES} from '../../src/workflows/deploy/planSending.ts';
import {digestOfBytes, hexOfDigest} from '../../src/workspace/digest.ts';
import type {Machine} from '../../src/device/machine.ts';
import {
  connectLocal,
  damagedFiles,
  deployAdding,
  onDevice,
  openWorkshop,
  type TestDevice,
  type Workshop,
} from './deployDevice.ts';

const MEBI = 2 ** 20;

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());
const withDevice = (work: (device: TestDevice) => Promise<void>) => onDevice(() => workshop, work);

it(
  'what has arrived is not sent again: not the right pieces of a blob that was cut off, nor blobs of another release',
  withDevice(async device => {
    const weights = randomBytes(8 * MEBI);
    // Cut off after 6 MiB, with a hole in the midst, as several channels leave it.
    const part = Buffer.from(weights.subarray(0, 6 * MEBI));
    part.fill(0, 3 * MEBI, 3 * MEBI + 1000);
    const blobs = join(device.root, 'blobs/sha256');
    await writeFile(join(blobs, `${hexOfDigest(digestOfBytes(weights))}.partial`), part);
    const first = await deployAdding(workshop, device, 1, {weights: [weights]});
    expect(first.sentBytes).toBeGreaterThanOrEqual(2 * MEBI + BLOCK_BYTES);
    expect(first.sentBytes).toBeLessThan(2 * MEBI + BLOCK_BYTES + 64 * 1024);
    expect(await damagedFiles(device.root)).toEqual([]);
    const second = await deployAdding(workshop, device, 2, {weights: [weights]});
    expect(second.sentBytes).toBeLessThan(64 * 1024);
    expect(await device.answer()).toBe(2);
  }),
);

it(
  'small blobs travel as an archive, and each alone where the device has no tar',
  withDevice(async device => {
    const weights = Array.from({length: 40}, (_, index) => randomBytes(index * 997));
    const first = await deployAdding(workshop, device, 1, {weights: weights.slice(0, 20)});
    expect(first.sentBytes).toBeGreaterThan(190 * 997);
    const tools = await mkdtemp(join(workshop.folder, 'tools-'));
    for (const folder of ['/usr/bin', '/bin']) {
      for (const name of await readdir(folder)) {
        if (name !== 'tar') await symlink(join(folder, name), join(tools, name)).catch(() => {});
      }
    }
    const withoutTar = {
      port: device.port,
      withMachine: async <T>(work: (machine: Machine) => Promise<T>): Promise<T> => {
        const machine = await connectLocal(device.home, {PATH: tools});
        try {
          return await work(machine);
        } finally {
          await machine.close();
        }
      },
    };
    await deployAdding(workshop, withoutTar, 2, {weights});
    expect(await damagedFiles(device.root)).toEqual([]);
    expect(await device.answer()).toBe(2);
  }),
);
