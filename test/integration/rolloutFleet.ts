import {mkdtemp} from 'node:fs/promises';
import {join} from 'node:path';
import {writeHeader} from '../../src/documents/writeHeader.ts';
import {completePolicy, type RolloutPolicyFields} from '../../src/documents/rolloutPolicy.ts';
import type {RolloutRecord} from '../../src/documents/rollout.ts';
import {ignoreEvents, type EmitEvent} from '../../src/events.ts';
import {stateOfRollout, type RolloutState} from '../../src/rollout/rolloutState.ts';
import {driveRollout} from '../../src/workflows/rollout/driveRollout.ts';
import {lookAtFleet, recordsFromDevices} from '../../src/workflows/rollout/lookAtFleet.ts';
import {openSshHands} from '../../src/workflows/rollout/sshHands.ts';
import {createJournal, readJournal, type RolloutJournal} from '../../src/workspace/rolloutJournal.ts';
import {
  composeAdding,
  deployAdding,
  makeDevice,
  openWorkshop,
  type TestDevice,
  type Workshop,
} from './deployDevice.ts';
import {floats} from './smallModels.ts';

export type FleetDevice = Pick<TestDevice, 'port' | 'withMachine'>;
export type RolloutShop = Pick<Workshop, 'store' | 'runtime' | 'key'>;

/** Two devices that serve a first release. */
export interface TestFleet {
  readonly workshop: Workshop;
  readonly fleet: ReadonlyMap<string, TestDevice>;
  /** What each endpoint answers for zeros: the constant of the release that serves. */
  answers(): Promise<number[]>;
  /** For a journal: another machine's, as it were. */
  newFolder(): Promise<string>;
  close(): Promise<void>;
}

export async function openTestFleet(): Promise<TestFleet> {
  const workshop = await openWorkshop();
  const fleet = new Map([
    ['a', await makeDevice(workshop)],
    ['b', await makeDevice(workshop)],
  ]);
  await Promise.all([...fleet.values()].map(device => deployAdding(workshop, device, 1)));
  return {
    workshop,
    fleet,
    answers: () => Promise.all([...fleet.values()].map(device => device.answer())),
    newFolder: () => mkdtemp(join(workshop.folder, 'journal-')),
    async close() {
      for (const device of fleet.values()) await device.remove();
      await workshop.close();
    },
  };
}

export interface TestRollout {
  readonly id: string;
  /** The constant that the release adds. */
  readonly constant: number;
  /** What it is taken to add by whoever checks it. */
  readonly expected?: (device: string) => number;
  readonly policy?: RolloutPolicyFields;
  readonly takesBad?: boolean;
  /** What the devices knew when this rollout began. */
  readonly knownRollout?: string | null;
  /** 10 s where it is left out, as whoever resumes has; 0 is what whoever starts has. */
  readonly lockPatienceMs?: number;
  /** 2 where it is left out. */
  readonly holdSeconds?: number;
}

const POLICY: RolloutPolicyFields = {
  waves: [1, '100%'],
  soakSeconds: 0.3,
  patienceSeconds: 120,
  maxUnavailable: '100%',
  // Whoever else works on this machine is not to decide.
  gates: {p95ToPrevious: 1000, memoryToPrevious: 10},
};
const ZEROS = floats([1, 4], [0, 0, 0, 0]);

/** A journal whose waves are: the first device alone, then all others. */
export function createTestJournal(
  folder: string,
  devices: readonly string[],
  {id, policy = {}}: TestRollout,
): Promise<RolloutJournal> {
  return createJournal(join(folder, `${id}.ndjson`), {
    ...writeHeader('rollout', {version: 'test', now: new Date(), madeFrom: {}}),
    id,
    policy: completePolicy({...POLICY, ...policy}),
    devices: devices.map((device, at) => ({
      device,
      hardwareClass: 'x',
      plan: `sha256:${'0'.repeat(64)}`,
      wave: at === 0 ? 1 : 2,
    })),
  });
}

/** The real rollout over real devices' own programs; only the plan is made up. */
export async function driveTestRollout(
  shop: RolloutShop,
  fleet: ReadonlyMap<string, FleetDevice>,
  journal: RolloutJournal,
  {
    constant,
    expected = () => constant,
    takesBad = false,
    knownRollout,
    lockPatienceMs = 10_000,
    holdSeconds = 2,
  }: TestRollout,
  emit: EmitEvent = ignoreEvents,
): Promise<RolloutState> {
  const approvedWaves = [...stateOfRollout(journal.rollout).approvedWaves];
  const hands = [...fleet].map(([device, {port, withMachine}]) => {
    const wave = journal.rollout.devices.find(each => each.device === device)?.wave ?? 1;
    const opened = openSshHands({
      device,
      rollout: journal.rollout.id,
      wave,
      withMachine,
      options: {takesBad},
      approvedWaves,
      ...(knownRollout === undefined ? {} : {knownRollout}),
      leaseSeconds: 2,
      holdSeconds,
      lockPatienceMs,
      prepare: async () => ({
        store: shop.store,
        composed: await composeAdding(shop, constant, {port, madeSecond: constant}),
        runtime: shop.runtime,
        key: shop.key,
        golden: [
          {inputs: {x: ZEROS}, outputs: {y: floats([1, 4], new Array<number>(4).fill(expected(device)))}},
        ],
        tolerance: 0.01,
        predictedMs: null,
        gates: completePolicy().gates,
        keepCount: 3,
        withNewConnection: withMachine,
        confirmWithinMs: 20_000,
      }),
    });
    return [device, opened] as const;
  });
  return driveRollout(journal, new Map(hands), emit);
}

/** What `rollout resume` does on a machine that has never seen the rollout. */
export async function resumeElsewhere(
  shop: RolloutShop,
  fleet: ReadonlyMap<string, FleetDevice>,
  folder: string,
  rollout: TestRollout,
): Promise<RolloutState> {
  const journal = await createTestJournal(folder, [...fleet.keys()], rollout);
  const seen = await lookAtFleet([...fleet].map(([device, {withMachine}]) => ({device, withMachine})));
  const at = new Date().toISOString();
  const records: RolloutRecord[] = [
    {record: 'resumed', at},
    ...recordsFromDevices(journal.rollout, seen, at),
  ];
  for (const record of records) await journal.append(record);
  return driveTestRollout(shop, fleet, await readJournal(journal.file), rollout);
}
