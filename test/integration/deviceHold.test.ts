import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, beforeEach, describe, expect, it, vi} from 'vitest';
import type {Machine} from '../../src/device/machine.ts';
import {holdDevice, takeDeviceLock, withDeviceLock} from '../../src/workflows/deploy/deviceLock.ts';
import {readDeviceTruth} from '../../src/workflows/deploy/readDeviceTruth.ts';
import {catchExpected} from './commandSuite.ts';
import {
  connectLocal,
  deployAdding,
  makeDevice,
  openWorkshop,
  type TestDevice,
  type Workshop,
} from './deployDevice.ts';
import {createTestJournal, driveTestRollout, resumeElsewhere} from './rolloutFleet.ts';

describe('a device that is held for a rollout', () => {
  let home: string;
  let machine: Machine;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'edgewise-held-'));
    machine = await connectLocal(home, {});
    return async () => {
      await machine.close();
      await rm(home, {recursive: true});
    };
  });
  const comesFor = (id: string, holdSeconds = 100) => ({rollout: {id, holdSeconds}});
  const readHold = async () => (await readDeviceTruth(machine)).hold;
  const pass = async (): Promise<void> => {};

  it('stays held when the lock is given back, for that one and nobody else', async () => {
    await withDeviceLock(machine, pass, comesFor('r-a-1'));
    const {lock, hold} = await readDeviceTruth(machine);
    expect(lock).toBeNull();
    expect(hold).toMatchObject({rollout: 'r-a-1'});
    for (const claim of [{}, comesFor('r-b-1')]) {
      const refusal = await catchExpected(withDeviceLock(machine, pass, claim));
      expect([refusal.code, refusal.exitCode]).toEqual(['rollout-under-way', 14]);
      expect(refusal.message).toMatch(/pi-7 takes part in rollout r-a-1, which holds it for another \d+ s/);
    }
    // Whoever goes on with it, on whichever machine, and with a number of its own.
    await withDeviceLock(machine, async ({fence}) => expect(fence).toBe(2), comesFor('r-a-1'));
    expect(await readHold()).toMatchObject({rollout: 'r-a-1'});
  });

  it('is taken over by whoever says so, and the rollout then holds it no longer', async () => {
    await withDeviceLock(machine, pass, comesFor('r-a-1'));
    await withDeviceLock(machine, pass, {takesOver: true});
    expect(await readHold()).toBeNull();
    expect(await holdDevice(machine, 'r-a-1', 100)).toBe(false);
    expect(await readHold()).toBeNull();
    await withDeviceLock(machine, pass, {...comesFor('r-b-1'), takesOver: true});
    expect(await readHold()).toMatchObject({rollout: 'r-b-1'});
  });

  it('is not taken over while somebody has the lock', async () => {
    await takeDeviceLock(machine, 'somebody', 100, comesFor('r-a-1'));
    const refusal = await catchExpected(withDeviceLock(machine, pass, {takesOver: true}));
    expect(refusal.code).toBe('device-locked');
    expect(await readDeviceTruth(machine)).toMatchObject({
      lock: {owner: 'somebody'},
      hold: {rollout: 'r-a-1'},
    });
  });

  it('is let go by its rollout, at the end of the work or later', async () => {
    await withDeviceLock(machine, pass, {...comesFor('r-a-1'), letsGo: () => true});
    expect(await readHold()).toBeNull();
    await withDeviceLock(machine, pass, comesFor('r-a-1'));
    expect(await holdDevice(machine, 'r-a-1', 0)).toBe(true);
    expect(await readHold()).toBeNull();
    await withDeviceLock(machine, pass);
  });

  it('lets itself go when the time is over or the device was started anew', async () => {
    await withDeviceLock(machine, pass, comesFor('r-a-1', 1));
    await vi.waitFor(async () => expect(await readHold()).toBeNull(), {timeout: 10_000, interval: 100});
    await withDeviceLock(machine, pass);
    await withDeviceLock(machine, pass, comesFor('r-a-1'));
    const locks = join(home, '.edgewise/locks');
    const [name = ''] = await readdir(locks);
    const line = await readFile(join(locks, name), 'utf8');
    const [, , boot = ''] = line.split(' ');
    await writeFile(join(locks, name), line.replace(boot, 'an-earlier-boot'));
    expect(await readHold()).toBeNull();
    // The rollout's own controller may still say that it goes on.
    expect(await holdDevice(machine, 'r-a-1', 100)).toBe(true);
    expect(await readHold()).toMatchObject({rollout: 'r-a-1'});
  });

  it('is held longer while its lock is renewed, and by a controller that looks at it now and then', async () => {
    const left = async () => (await readHold())?.leftSeconds ?? 0;
    await takeDeviceLock(machine, 'a', 100, comesFor('r-a-1', 50));
    await takeDeviceLock(machine, 'a', 100, comesFor('r-a-1', 500));
    expect(await left()).toBeGreaterThan(400);
    // A lock that is held says itself for how long.
    expect(await holdDevice(machine, 'r-a-1', 5000)).toBe(true);
    expect(await left()).toBeLessThan(600);
  });

  it('is known from a lock file of before devices were held', async () => {
    await withDeviceLock(machine, pass);
    const locks = join(home, '.edgewise/locks');
    const [name = ''] = await readdir(locks);
    const [, , boot = ''] = (await readFile(join(locks, name), 'utf8')).split(' ');
    await writeFile(join(locks, name), `- 0 ${boot}\n`);
    expect(await readDeviceTruth(machine)).toMatchObject({lock: null, hold: null});
    await withDeviceLock(machine, async ({fence}) => expect(fence).toBe(2), comesFor('r-a-1'));
  });
});

describe('while a wave soaks', () => {
  let workshop: Workshop;
  let device: TestDevice;
  let folder: string;
  const fleet = () => new Map([['pi-7', device]]);
  const isSoaking = () =>
    vi.waitFor(
      async () =>
        expect(await device.withMachine(readDeviceTruth)).toMatchObject({
          rollout: {rollout: rollout.id, phase: 'confirmed'},
          lock: null,
          hold: {rollout: rollout.id},
        }),
      {timeout: 60_000, interval: 100},
    );
  const rollout = {id: 'r-soaks-1', constant: 2, holdSeconds: 100, policy: {soakSeconds: 4}};

  beforeAll(async () => {
    workshop = await openWorkshop();
    device = await makeDevice(workshop);
    folder = await mkdtemp(join(workshop.folder, 'journals-'));
    await deployAdding(workshop, device, 1);
  }, 120_000);
  afterAll(async () => {
    await device.remove();
    await workshop.close();
  });

  it('a push is refused, the controller may change, and once it has passed the push goes well', async () => {
    const here = await createTestJournal(await mkdtemp(join(folder, 'here-')), ['pi-7'], rollout);
    const first = driveTestRollout(workshop, fleet(), here, rollout);
    await isSoaking();
    const refusal = await catchExpected(deployAdding(workshop, device, 3));
    expect(refusal.code, refusal.message).toBe('rollout-under-way');
    // Another machine goes on with the same rollout.
    const second = await resumeElsewhere(workshop, fleet(), await mkdtemp(join(folder, 'there-')), rollout);
    expect(second.ended).toMatchObject({outcome: 'complete'});
    expect((await first).ended).toMatchObject({outcome: 'complete'});
    expect(await device.answer()).toBe(2);
    await deployAdding(workshop, device, 3);
    expect(await device.answer()).toBe(3);
  }, 120_000);
});
