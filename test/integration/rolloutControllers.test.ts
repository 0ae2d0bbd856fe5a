import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {stateOfRollout} from '../../src/rollout/rolloutState.ts';
import {readDeviceTruth} from '../../src/workflows/deploy/readDeviceTruth.ts';
import {keepApproval} from '../../src/workflows/rollout/keepApproval.ts';
import {readJournal} from '../../src/workspace/rolloutJournal.ts';
import {damagedFiles, type TestDevice, type Workshop} from './deployDevice.ts';
import {
  createTestJournal,
  driveTestRollout,
  openTestFleet,
  resumeElsewhere,
  type TestFleet,
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

it('a rollout that somebody approved on one machine is not asked for that on another', async () => {
  const rollout = {id: 'r-approved-1', constant: 20, policy: {approveBefore: [2]}};
  const journal = await createTestJournal(await newFolder(), [...fleet.keys()], rollout);
  const state = await driveTestRollout(workshop, fleet, journal, rollout);
  expect(state.ended, JSON.stringify(state.ended)).toMatchObject({outcome: 'waiting-for-approval'});
  // A machine that knows nothing of an approval asks for it again.
  const asked = await resumeElsewhere(workshop, fleet, await newFolder(), rollout);
  expect(asked.ended).toMatchObject({outcome: 'waiting-for-approval'});
  await journal.append({record: 'approved', at: '2026-01-01T00:00:00Z', wave: 2});
  const approved = stateOfRollout((await readJournal(journal.file)).rollout);
  await keepApproval(rollout.id, approved, [...fleet.values()], event => {
    throw new Error(JSON.stringify(event));
  });
  const resumed = await resumeElsewhere(workshop, fleet, await newFolder(), rollout);
  expect(resumed.ended, JSON.stringify(resumed.ended)).toMatchObject({outcome: 'complete'});
  expect([...resumed.approvedWaves]).toEqual([2]);
  for (const device of fleet.values()) {
    const {rollout: kept} = await device.withMachine(readDeviceTruth);
    expect(kept).toMatchObject({rollout: rollout.id, phase: 'confirmed', approvedWaves: [2]});
  }
}, 120_000);

describe('two controllers that begin different rollouts over the same devices at the same moment', () => {
  const lockPatienceMs = 0;
  const releaseOf = async (device: TestDevice) => (await device.withMachine(readDeviceTruth)).currentRelease;

  async function expectWhole(): Promise<void> {
    for (const device of fleet.values()) {
      expect(await damagedFiles(device.root)).toEqual([]);
      const {lock, openSwitch} = await device.withMachine(readDeviceTruth);
      expect({lock, openSwitch}).toEqual({lock: null, openSwitch: null});
    }
  }

  it('and with the same canary: one gets everything, the other nothing, and says who has it', async () => {
    const controllers = await Promise.all(
      [30, 31].map(async constant =>
        startController(
          workshop.folder,
          await newFolder(),
          {id: `r-both-${constant}`, constant, knownRollout: 'r-approved-1', lockPatienceMs},
          fleet,
        ),
      ),
    );
    const ended = await Promise.all(controllers.map(controller => controller.begin()));
    const winner = ended.findIndex(({code}) => code === 0);
    const loser = ended[1 - winner];
    expect(ended[winner]?.said, JSON.stringify(ended)).toBe('{"outcome":"complete"}');
    expect(loser?.code).toBe(14);
    expect(loser?.said).toMatch(
      /device-locked.*is being changed by (\S+:\d+:\w+|another-controller); its lock ends in|rollout-under-way.*takes part in rollout r-both/,
    );
    expect(await answers()).toEqual([30 + winner, 30 + winner]);
    await expectWhole();
  }, 120_000);

  it('and with different canaries: nobody takes turns on a device, and nobody says complete who is not', async () => {
    const before = (await fleet.get('a')?.withMachine(readDeviceTruth))?.rollout?.rollout ?? null;
    const [first, second] = await Promise.all([
      startController(
        workshop.folder,
        await newFolder(),
        {id: 'r-first-a', constant: 40, knownRollout: before, lockPatienceMs},
        fleet,
      ),
      startController(
        workshop.folder,
        await newFolder(),
        {id: 'r-first-b', constant: 41, knownRollout: before, lockPatienceMs},
        new Map([...fleet].toReversed()),
      ),
    ]);
    const ended = await Promise.all([first.begin(), second.begin()]);
    const releases = await Promise.all([...fleet.values()].map(releaseOf));
    const completed = ended.filter(({said}) => said === '{"outcome":"complete"}').length;
    if (completed > 0) expect(new Set(releases).size, JSON.stringify(ended)).toBe(1);
    expect(completed).toBeLessThanOrEqual(1);
    const failed = ended.filter(({code}) => code !== 0);
    expect(failed.length + completed, JSON.stringify(ended)).toBe(2);
    for (const {code, said} of failed) {
      expect(code, said).toBe(14);
      expect(said).toMatch(
        /device-locked|rollout-under-way.*(was taken by|takes part in) rollout r-first-[ab]/,
      );
    }
    await expectWhole();
  }, 120_000);
});
