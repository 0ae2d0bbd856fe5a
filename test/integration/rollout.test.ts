import {setTimeout as delay} from 'node:timers/promises';
import {appendFile, readFile} from 'node:fs/promises';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {readJournal} from '../../src/workspace/rolloutJournal.ts';
import {damagedFiles, makeDevice, processesOf, type TestDevice, type Workshop} from './deployDevice.ts';
import {
  createTestJournal,
  driveTestRollout,
  openTestFleet,
  resumeElsewhere,
  type TestFleet,
  type TestRollout,
} from './rolloutFleet.ts';
import {startController} from './startController.ts';

let workshop: Workshop;
let fleet: TestFleet['fleet'];
let testFleet: TestFleet;
const answers = () => testFleet.answers();
const newFolder = () => testFleet.newFolder();

beforeAll(async () => {
  testFleet = await openTestFleet();
  ({workshop, fleet} = testFleet);
}, 120_000);
afterAll(() => testFleet?.close());

const newDevices = async (): Promise<Map<string, TestDevice>> =>
  new Map([
    ['new-a', await makeDevice(workshop)],
    ['new-b', await makeDevice(workshop)],
  ]);
async function run(rollout: TestRollout, devices = fleet) {
  const journal = await createTestJournal(await newFolder(), [...devices.keys()], rollout);
  const state = await driveTestRollout(workshop, devices, journal, rollout);
  return {state, phases: [...state.devices.values()].map(({phase}) => phase), file: journal.file};
}

const HELD_FOR_MS = 2500;

describe('a rollout over two devices', () => {
  it('that is well reaches all of them, and a second one changes nothing', async () => {
    const {state, phases} = await run({id: 'r-well-1', constant: 2});
    expect(state.ended, JSON.stringify(state.ended)).toMatchObject({outcome: 'complete'});
    expect(phases).toEqual(['confirmed', 'confirmed']);
    expect(await answers()).toEqual([2, 2]);
    expect((await run({id: 'r-well-2', constant: 2})).phases).toEqual(['unchanged', 'unchanged']);
  }, 120_000);

  it('whose release answers wrongly on one device of the second wave is taken back everywhere', async () => {
    const {state, phases} = await run({
      id: 'r-wrong-1',
      constant: 3,
      expected: device => (device === 'b' ? 77 : 3),
    });
    expect(state.ended, JSON.stringify(state.ended)).toMatchObject({outcome: 'reverted'});
    expect(phases[0]).toBe('reverted');
    expect(phases[1]).toBe('failed');
    expect(await answers()).toEqual([2, 2]);
  }, 120_000);

  it('of the first release that the devices ever had leaves none where it is taken back', async () => {
    const devices = await newDevices();
    try {
      const {state, phases} = await run(
        {id: 'r-first-1', constant: 3, expected: device => (device === 'new-b' ? 77 : 3)},
        devices,
      );
      expect(state.ended, JSON.stringify(state.ended)).toMatchObject({outcome: 'reverted'});
      expect(phases).toEqual(['reverted', 'failed']);
      expect(state.devices.get('new-a')?.detail).toBe('no release, as before');
      for (const device of devices.values()) {
        expect(await device.current()).toBeNull();
        // Its supervisor sees within moments that there is nothing left to keep alive.
        await vi.waitFor(async () => expect(await processesOf(device.root)).toEqual([]), 10_000);
      }
    } finally {
      for (const device of devices.values()) await device.remove();
    }
  }, 120_000);

  it('without traffic and without probes pauses after its canary', async () => {
    const {state, phases} = await run({
      id: 'r-silent-1',
      constant: 4,
      policy: {probes: false, patienceSeconds: 0.5},
    });
    expect(state.ended, JSON.stringify(state.ended)).toMatchObject({outcome: 'paused'});
    expect(phases).toEqual(['confirmed', 'waiting']);
    expect(await answers()).toEqual([4, 2]);
    // A paused rollout holds its devices for a moment, which the next one must wait for.
    await delay(HELD_FOR_MS);
  }, 120_000);

  it.each([
    ['the canary was switched', 2],
    ['a device of the second wave was switched', 7],
  ])(
    'that is killed right after %s is finished from another machine that has only the devices',
    async (_, killAfter) => {
      const before = new Set(await answers());
      const constant = 10 + killAfter;
      const rollout: TestRollout = {id: `r-killed-${killAfter}`, constant};
      const controller = await startController(workshop.folder, await newFolder(), rollout, fleet, killAfter);
      const {signal, said} = await controller.begin();
      expect(signal, said).toBe('SIGKILL');
      for (const answer of await answers()) expect(before.has(answer) || answer === constant).toBe(true);
      const state = await resumeElsewhere(workshop, fleet, await newFolder(), rollout);
      expect(state.ended, JSON.stringify(state.ended)).toMatchObject({outcome: 'complete'});
      expect(await answers()).toEqual([constant, constant]);
      for (const device of fleet.values()) expect(await damagedFiles(device.root)).toEqual([]);
    },
    120_000,
  );

  it('has a journal that a torn last line does not spoil', async () => {
    const {file} = await run({id: 'r-torn-1', constant: 18});
    const before = (await readJournal(file)).rollout.records.length;
    await appendFile(file, '{"record":"dev');
    const journal = await readJournal(file);
    expect(journal.rollout.records).toHaveLength(before);
    await journal.append({record: 'resumed', at: '2026-01-01T00:00:00Z'});
    expect((await readJournal(file)).rollout.records).toHaveLength(before + 1);
    expect(await readFile(file, 'utf8')).not.toContain('"dev\n');
  }, 120_000);
});
