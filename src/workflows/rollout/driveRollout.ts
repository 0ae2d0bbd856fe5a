import {setTimeout as sleep} from 'node:timers/promises';
import type {DevicePhase, RolloutRecord} from '../../documents/rollout.ts';
import type {RolloutPolicy} from '../../documents/rolloutPolicy.ts';
import {runStep, runStepOn, type EmitEvent} from '../../events.ts';
import type {WaveVerdict} from '../../rollout/judgeWave.ts';
import {nextSteps, type RolloutStep} from '../../rollout/nextSteps.ts';
import type {DeviceObservation} from '../../rollout/observation.ts';
import {stateAfter, stateOfRollout, type RolloutState} from '../../rollout/rolloutState.ts';
import type {RolloutJournal} from '../../workspace/rolloutJournal.ts';
import {HOLD_SECONDS} from '../deploy/deviceLock.ts';
import type {DeviceHands, PhaseReport} from './deviceHands.ts';
import {forEachLimited} from './forEachLimited.ts';

/** Devices are looked at this often while they soak, and oftener where the soaking is short. */
const LOOK_EVERY_MS = 5000;
/** More than a gate needs at the least, because one slow request among the fewest leaves p95 open. */
const PROBES_PER_LOOK = 40;

/** Three times before a device would let itself go. */
const HOLD_EVERY_MS = (HOLD_SECONDS * 1000) / 3;

const SUCCESSES: ReadonlySet<string> = new Set(['complete', 'partial']);

type DeviceStep = Extract<RolloutStep, {device: string}>;
type SoakStep = Extract<RolloutStep, {kind: 'soak'}>;

const TITLES: Readonly<Record<DeviceStep['kind'], string>> = {
  stage: 'stage',
  activate: 'switch',
  check: 'check',
  confirm: 'confirm',
  revert: 'take back',
};

const DONE: Readonly<Record<DeviceStep['kind'], DevicePhase>> = {
  stage: 'staged',
  activate: 'activated',
  check: 'checked',
  confirm: 'confirmed',
  revert: 'reverted',
};
const FAILURES: ReadonlySet<DevicePhase> = new Set(['failed', 'lost', 'revert-failed']);

/**
 * Carries out what the state machine says until it says that the rollout has ended. Every outcome of a step is in the
 * journal before the next one is asked for; what dies here is taken up by `edgewise rollout resume`.
 * @throws ExpectedError `device-locked` when another controller has one of the devices
 */
export async function driveRollout(
  journal: RolloutJournal,
  hands: ReadonlyMap<string, DeviceHands>,
  emit: EmitEvent,
): Promise<RolloutState> {
  const {policy, id} = journal.rollout;
  let state = stateOfRollout(journal.rollout);
  const observations = new Map<string, DeviceObservation>();
  const flights = new Map<string, Promise<void>>();
  const soaking = showSoaking(emit);
  const failures: unknown[] = [];
  let isReadBack = false;

  const append = async (record: RolloutRecord): Promise<void> => {
    await journal.append(record);
    state = stateAfter(state, record);
    emit({kind: 'record', rollout: id, record});
  };
  const handsOf = (device: string): DeviceHands => {
    const found = hands.get(device);
    if (found === undefined) throw new Error(`no hands for ${device}`);
    return found;
  };
  const work = async (step: DeviceStep): Promise<void> => {
    const {kind, device} = step;
    const report = await runStepOn(
      emit,
      device,
      kind,
      TITLES[kind],
      () => carryOut(step, handsOf(device), state.stopped ?? '', emit),
      report => summaryOf(kind, report),
    );
    await append({record: 'device', at: now(), device, ...report});
    if (isSettled(report)) await handsOf(device).close();
  };

  const holding = keepHolding(() => servedOf(state), {hands, maxParallel: policy.maxParallel});
  try {
    while (state.ended === null) {
      const steps = nextSteps(state, observations, policy, new Set(flights.keys()), Date.now());
      let soak: SoakStep | null = null;
      for (const step of steps) {
        if (step.kind === 'soak') soak = step;
        else if ('device' in step) {
          const flight = work(step)
            .catch((error: unknown) => void failures.push(error))
            .finally(() => flights.delete(step.device));
          flights.set(step.device, flight);
        } else if (step.kind === 'end' && SUCCESSES.has(step.outcome) && !isReadBack) {
          isReadBack = true;
          const {maxParallel} = policy;
          for (const record of await readBack(state, {hands, observations, maxParallel}, emit))
            await append(record);
        } else {
          soaking.end(
            step.kind === 'pass' ? 'done' : 'failed',
            step.kind === 'pass' ? 'passed' : step.reason,
          );
          for (const record of recordsOf(step)) await append(record);
        }
      }
      if (failures.length > 0) break;
      if (flights.size > 0) await Promise.race(flights.values());
      else if (soak !== null) {
        soaking.begin(soak.wave);
        await lookAtWave(soak, {hands, observations, policy}, soaking.progress);
      } else if (steps.length === 0) throw new Error('the rollout has no next step');
    }
    await Promise.all(flights.values());
    if (failures.length > 0) throw failures[0];
    await holding.stop();
    if (SUCCESSES.has(state.ended?.outcome ?? ''))
      // One that cannot be told lets itself go when the time is over.
      await forEachLimited(servedOf(state), policy.maxParallel, device =>
        tellDevice(hands.get(device)?.letGo()),
      );
    return state;
  } finally {
    await holding.stop();
    soaking.end('failed');
    await Promise.allSettled([...hands.values()].map(each => each.close()));
  }
}

/** The phase is said where it is not what every such step comes to. */
function summaryOf(kind: DeviceStep['kind'], {phase, detail}: PhaseReport) {
  const parts = [...(phase === DONE[kind] ? [] : [phase]), ...(detail === undefined ? [] : [detail])];
  return {
    outcome: FAILURES.has(phase) ? ('failed' as const) : ('done' as const),
    ...(parts.length === 0 ? {} : {detail: parts.join(': ')}),
  };
}

/** Devices that serve the release, which nobody has locked, and which are held for the rollout. */
function servedOf({devices}: RolloutState): string[] {
  return [...devices.values()]
    .filter(({phase}) => phase === 'confirmed' || phase === 'unchanged')
    .map(({device}) => device);
}

async function tellDevice(telling: Promise<void> | undefined): Promise<void> {
  await telling?.catch(() => {});
}

/** Sees to it that no device is let go while the rollout goes on: at once what an earlier controller held, then again and again. */
function keepHolding(
  served: () => readonly string[],
  {hands, maxParallel}: Pick<LookParts, 'hands'> & {maxParallel: number},
): {stop(): Promise<void>} {
  let isStopped = false;
  let holding: Promise<void> | null = null;
  const holdAll = (): void => {
    holding ??= forEachLimited(served(), maxParallel, async device => {
      if (!isStopped) await tellDevice(hands.get(device)?.hold());
    }).finally(() => {
      holding = null;
    });
  };
  holdAll();
  const timer = setInterval(holdAll, HOLD_EVERY_MS);
  return {
    async stop() {
      isStopped = true;
      clearInterval(timer);
      await holding;
    },
  };
}

function now(): string {
  return new Date().toISOString();
}

function recordsOf(step: Exclude<RolloutStep, DeviceStep | SoakStep>): RolloutRecord[] {
  const gates = (wave: number, {verdict, results}: WaveVerdict): RolloutRecord => ({
    record: 'gates',
    at: now(),
    wave,
    verdict,
    results: [...results],
  });
  switch (step.kind) {
    case 'pass':
      return [gates(step.wave, step.judged)];
    case 'stop':
      return [
        ...(step.judged === null ? [] : [gates(step.wave, step.judged)]),
        {record: 'stopped', at: now(), reason: step.reason},
      ];
    case 'end':
      return [
        ...(step.judged === null ? [] : [gates(step.judged.wave, step.judged.verdict)]),
        {record: 'ended', at: now(), outcome: step.outcome, reason: step.reason},
      ];
  }
}

function carryOut(
  {kind}: DeviceStep,
  hands: DeviceHands,
  reason: string,
  emit: EmitEvent,
): Promise<PhaseReport> {
  switch (kind) {
    case 'stage':
      return hands.stage(emit);
    case 'revert':
      return hands.revert(reason);
    default:
      return hands[kind]();
  }
}

/** Nothing more happens on the device unless everything is taken back. */
function isSettled({phase}: PhaseReport): boolean {
  return phase !== 'staged' && phase !== 'activated' && phase !== 'checked';
}

interface LookParts {
  readonly hands: ReadonlyMap<string, DeviceHands>;
  readonly observations: Map<string, DeviceObservation>;
  readonly policy: Pick<RolloutPolicy, 'soakMs' | 'probes' | 'maxParallel'>;
}

/** Waits, then looks at every device of the wave. */
async function lookAtWave(
  {devices, untilMs, judged}: SoakStep,
  {hands, observations, policy}: LookParts,
  progress: (detail: string) => void,
): Promise<void> {
  const leftMs = untilMs - Date.now();
  const open = judged.results.find(({verdict}) => verdict === 'inconclusive');
  progress(leftMs > 0 ? `${Math.ceil(leftMs / 1000)} s left` : (open?.reason ?? 'judging'));
  const everyMs = Math.min(LOOK_EVERY_MS, Math.max(200, policy.soakMs / 4));
  const isNew = devices.some(device => !observations.has(device));
  await sleep(leftMs > 0 ? Math.min(everyMs, leftMs + 1) : isNew ? 0 : everyMs);
  const wanted = policy.probes && judged.verdict === 'inconclusive' ? PROBES_PER_LOOK : 0;
  await forEachLimited(devices, policy.maxParallel, async device => {
    const seen = await hands.get(device)?.observe(wanted);
    if (seen !== undefined) observations.set(device, seen);
  });
}

/**
 * A release that served when its wave was judged may be gone by the time that the last wave is: what was not looked at
 * lately is asked once more. @returns a record of each device that has lost it
 */
async function readBack(
  {devices}: RolloutState,
  {hands, observations, maxParallel}: Pick<LookParts, 'hands' | 'observations'> & {maxParallel: number},
  emit: EmitEvent,
): Promise<RolloutRecord[]> {
  const sinceMs = Date.now() - 2 * LOOK_EVERY_MS;
  const unseen = [...devices.values()].filter(
    ({device, phase}) => phase === 'confirmed' && (observations.get(device)?.atMs ?? 0) < sinceMs,
  );
  if (unseen.length === 0) return [];
  const lost: RolloutRecord[] = [];
  await runStep(
    emit,
    'fleet/read-back',
    `read back what ${unseen.length} devices of earlier waves serve`,
    () =>
      forEachLimited(unseen, maxParallel, async ({device}) => {
        const seen = await hands.get(device)?.observe(0);
        if (seen?.isServing === false)
          lost.push({
            record: 'device',
            at: now(),
            device,
            phase: 'lost',
            detail: 'no longer serves the release',
          });
      }),
    () => (lost.length === 0 ? {} : {detail: `${lost.length} no longer serve it`}),
  );
  return lost;
}

/** One step of the progress for a whole wave's soaking, however often it is looked at. */
function showSoaking(emit: EmitEvent) {
  let shown: number | null = null;
  const step = () => `wave-${shown ?? 0}/soak`;
  const end = (outcome: 'done' | 'failed', detail?: string): void => {
    if (shown !== null)
      emit({kind: 'step-ended', step: step(), outcome, ...(detail === undefined ? {} : {detail})});
    shown = null;
  };
  return {
    begin(wave: number): void {
      if (shown === wave) return;
      end('done');
      shown = wave;
      emit({kind: 'step-started', step: step(), title: `wave ${wave}: soak`});
    },
    progress: (detail: string): void => emit({kind: 'step-progressed', step: step(), detail}),
    end,
  };
}
