import type {DevicePhase, RolloutRecord} from '../../src/documents/rollout.ts';
import {
  completePolicy,
  countOfShare,
  type RolloutPolicy,
  type RolloutPolicyFields,
} from '../../src/documents/rolloutPolicy.ts';
import {nextSteps, type RolloutStep} from '../../src/rollout/nextSteps.ts';
import type {DeviceObservation} from '../../src/rollout/observation.ts';
import {planWaves} from '../../src/rollout/planWaves.ts';
import {stateAfter, stateOfRollout, type RolloutState} from '../../src/rollout/rolloutState.ts';
import {openCounter, type Behaviour} from './emulatedRelease.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';

export interface SimulatedRun {
  readonly state: RolloutState;
  readonly records: readonly RolloutRecord[];
  readonly outcome: string;
  readonly wavePassed: (wave: number) => boolean;
  readonly canaries: number;
  /** Devices on which the new release ever ran. */
  readonly exposed: ReadonlySet<string>;
  /** Those of them that were switched after the fleet had shown that the release is bad: more devices failed than may. */
  readonly exposedSinceEvidence: ReadonlySet<string>;
  /** Devices that have the new release at the end. */
  readonly holding: ReadonlySet<string>;
  readonly mostInFlight: number;
}

const POLL_MS = 5000;

/**
 * Runs a rollout against devices that exist only here, with a clock of its own: steps take a random time, devices answer
 * `requestsPerPoll` requests between two looks. The state machine is the real one.
 */
export function simulateRollout(
  behaviours: readonly Behaviour[],
  fields: RolloutPolicyFields,
  seed: number,
  requestsPerPoll = 40,
): SimulatedRun {
  const policy = completePolicy(fields);
  const random = seededNumbers(seed);
  const names = behaviours.map((_, index) => `d${index}`);
  const devices = planWaves(
    names.map((device, index) => ({device, hardwareClass: `class-${index % 3}`, isReachable: true})),
    policy.waves,
    String(seed),
  );
  const behaviourOf = new Map(names.map((name, index) => [name, behaviours[index] ?? {}]));
  let state = stateOfRollout({
    devices: devices.map(each => ({...each, plan: ''})),
    records: [],
  });
  const records: RolloutRecord[] = [];
  let nowMs = 0;
  const at = () => new Date(nowMs).toISOString();
  const append = (record: RolloutRecord): void => {
    records.push(record);
    state = stateAfter(state, record);
  };
  const observations = new Map<string, DeviceObservation>();
  const counters = new Map<string, ReturnType<typeof openCounter>>();
  const confirmedAtMs = new Map<string, number>();
  const holding = new Set<string>();
  const exposed = new Set<string>();
  const exposedSinceEvidence = new Set<string>();
  let hasEvidence = false;
  let mostInFlight = 0;
  const flights = new Map<string, {endsMs: number; step: RolloutStep}>();

  const endFlight = (device: string, step: RolloutStep): void => {
    const behaviour = behaviourOf.get(device) ?? {};
    const phaseOf = (): DevicePhase => {
      switch (step.kind) {
        case 'stage':
          return behaviour.isOffline === true ? 'deferred' : 'staged';
        case 'activate':
          return 'activated';
        case 'check':
          return behaviour.isBad === true ? 'failed' : 'checked';
        case 'confirm':
          return 'confirmed';
        default:
          return behaviour.isStuck === true ? 'revert-failed' : 'reverted';
      }
    };
    const phase = phaseOf();
    if (phase === 'activated') {
      exposed.add(device);
      if (hasEvidence) exposedSinceEvidence.add(device);
      holding.add(device);
    }
    if (phase === 'failed' || phase === 'reverted') holding.delete(device);
    if (phase === 'confirmed') confirmedAtMs.set(device, nowMs);
    append({record: 'device', at: at(), device, phase});
    if (phase === 'failed' && isBeyondAllowed(state, policy)) hasEvidence = true;
  };

  const look = (device: string): void => {
    const counter = counters.get(device) ?? openCounter(device, behaviourOf.get(device) ?? {}, random);
    counters.set(device, counter);
    const seen = counter.observe(requestsPerPoll, nowMs, confirmedAtMs.get(device) ?? nowMs);
    if (seen.isServing === false) hasEvidence = true;
    observations.set(device, seen);
  };

  for (let turn = 0; state.ended === null; turn++) {
    if (turn > 20_000) throw new Error('the rollout does not end');
    const steps = nextSteps(state, observations, policy, new Set(flights.keys()), nowMs);
    let soaking: readonly string[] = [];
    for (const step of steps) {
      if (step.kind === 'soak') soaking = step.devices;
      else if (step.kind === 'pass')
        append({
          record: 'gates',
          at: at(),
          wave: step.wave,
          verdict: 'pass',
          results: [...step.judged.results],
        });
      else if (step.kind === 'stop') {
        hasEvidence = true;
        append({record: 'stopped', at: at(), reason: step.reason});
      } else if (step.kind === 'end')
        append({record: 'ended', at: at(), outcome: step.outcome, reason: step.reason});
      else flights.set(step.device, {endsMs: nowMs + 200 + random() * 3000, step});
    }
    mostInFlight = Math.max(mostInFlight, flights.size);
    if (flights.size > 0) {
      const [device, flight] = [...flights].reduce((a, b) => (b[1].endsMs < a[1].endsMs ? b : a));
      flights.delete(device);
      nowMs = flight.endsMs;
      endFlight(device, flight.step);
    } else if (soaking.length > 0) {
      nowMs += POLL_MS;
      soaking.forEach(look);
    }
  }
  return {
    state,
    records,
    outcome: state.ended.outcome,
    wavePassed: wave => state.passedWaves.has(wave),
    canaries: devices.filter(({wave}) => wave === 1).length,
    exposed,
    exposedSinceEvidence,
    holding,
    mostInFlight,
  };
}

/** More devices failed than the policy lets fail, of those that were tried. */
export function isBeyondAllowed(
  {devices}: Pick<RolloutState, 'devices'>,
  {gates}: Pick<RolloutPolicy, 'gates'>,
): boolean {
  const phases = [...devices.values()].map(({phase}) => phase);
  const tried = phases.filter(phase => !['waiting', 'staged', 'deferred'].includes(phase)).length;
  const failed = phases.filter(phase => phase === 'failed').length;
  return failed > Math.floor(countOfShare(gates.failures, tried));
}
