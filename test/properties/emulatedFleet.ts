import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import type {RolloutRecord} from '../../src/documents/rollout.ts';
import {completePolicy, type RolloutPolicyFields} from '../../src/documents/rolloutPolicy.ts';
import {writeHeader} from '../../src/documents/writeHeader.ts';
import {ignoreEvents} from '../../src/events.ts';
import {planWaves} from '../../src/rollout/planWaves.ts';
import {stateAfter, stateOfRollout} from '../../src/rollout/rolloutState.ts';
import type {DeviceHands, PhaseReport} from '../../src/workflows/rollout/deviceHands.ts';
import {driveRollout} from '../../src/workflows/rollout/driveRollout.ts';
import {createJournal, readJournal} from '../../src/workspace/rolloutJournal.ts';
import {openCounter, type Behaviour} from './emulatedRelease.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';
import {isBeyondAllowed, type SimulatedRun} from './simulatedFleet.ts';

/** The longest that a step on an emulated device takes. */
const STEP_MS = 60;

export interface DrivenRun extends Omit<SimulatedRun, 'wavePassed'> {
  /** As the journal on the disk has it. */
  readonly journalOutcome: string | undefined;
}

/**
 * A rollout by the real driver with its real journal and the real clock, over devices of which only the hands exist: steps
 * take a random time, agents count requests.
 */
export async function driveEmulatedFleet(
  behaviours: readonly Behaviour[],
  fields: RolloutPolicyFields,
  seed: number,
): Promise<DrivenRun> {
  const policy = completePolicy(fields);
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-emulated-'));
  try {
    const names = behaviours.map((_, index) => `d${index}`);
    const candidates = names.map((device, index) => ({
      device,
      hardwareClass: `class-${index % 3}`,
      isReachable: true,
      plan: `sha256:${'0'.repeat(64)}`,
    }));
    const devices = planWaves(candidates, policy.waves, String(seed)).map(
      ({device, hardwareClass, plan, wave}) => ({device, hardwareClass, plan, wave}),
    );
    const journal = await createJournal(join(folder, 'r-emulated-1.ndjson'), {
      ...writeHeader('rollout', {version: 'test', now: new Date(), madeFrom: {}}),
      id: 'r-emulated-1',
      policy,
      devices,
    });
    const seen = watchExposure();
    const hands = new Map(
      names.map((device, index) => [
        device,
        openEmulatedHands(device, behaviours[index] ?? {}, seed + index, seen),
      ]),
    );
    const records: RolloutRecord[] = [];
    let known = stateOfRollout(journal.rollout);
    const state = await driveRollout(
      {
        ...journal,
        async append(record) {
          records.push(record);
          known = stateAfter(known, record);
          const isFailure = record.record === 'device' && record.phase === 'failed';
          if (record.record === 'stopped' || (isFailure && isBeyondAllowed(known, policy)))
            seen.hasEvidence = true;
          await journal.append(record);
        },
      },
      hands,
      ignoreEvents,
    );
    return {
      state,
      records,
      outcome: state.ended?.outcome ?? 'not ended',
      journalOutcome: stateOfRollout((await readJournal(journal.file)).rollout).ended?.outcome,
      canaries: devices.filter(({wave}) => wave === 1).length,
      exposed: seen.exposed,
      exposedSinceEvidence: seen.exposedSinceEvidence,
      holding: seen.holding,
      mostInFlight: seen.mostInFlight,
    };
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

interface Exposure {
  readonly exposed: Set<string>;
  readonly exposedSinceEvidence: Set<string>;
  readonly holding: Set<string>;
  hasEvidence: boolean;
  inFlight: number;
  mostInFlight: number;
}

function watchExposure(): Exposure {
  return {
    exposed: new Set(),
    exposedSinceEvidence: new Set(),
    holding: new Set(),
    hasEvidence: false,
    inFlight: 0,
    mostInFlight: 0,
  };
}

function openEmulatedHands(device: string, behaviour: Behaviour, seed: number, seen: Exposure): DeviceHands {
  const random = seededNumbers(seed);
  const counter = openCounter(device, behaviour, random);
  let confirmedAtMs = 0;
  const take = async (report: () => PhaseReport): Promise<PhaseReport> => {
    seen.inFlight++;
    seen.mostInFlight = Math.max(seen.mostInFlight, seen.inFlight);
    await sleep(5 + random() * STEP_MS);
    seen.inFlight--;
    return report();
  };
  return {
    stage: () => take(() => ({phase: behaviour.isOffline === true ? 'deferred' : 'staged'})),
    activate() {
      // Switched from here on, whatever is told later.
      seen.exposed.add(device);
      if (seen.hasEvidence) seen.exposedSinceEvidence.add(device);
      seen.holding.add(device);
      return take(() => ({phase: 'activated'}));
    },
    check: () =>
      take(() => {
        if (behaviour.isBad !== true) return {phase: 'checked'};
        seen.holding.delete(device);
        return {phase: 'failed', detail: 'golden outputs differ'};
      }),
    confirm: () =>
      take(() => {
        confirmedAtMs = Date.now();
        return {phase: 'confirmed'};
      }),
    revert: () =>
      take(() => {
        if (behaviour.isStuck === true) return {phase: 'revert-failed'};
        seen.holding.delete(device);
        return {phase: 'reverted'};
      }),
    async observe(wantedRequests) {
      await sleep(random() * STEP_MS);
      return counter.observe(wantedRequests, Date.now(), confirmedAtMs);
    },
    async close() {},
    async hold() {},
    async letGo() {},
  };
}
