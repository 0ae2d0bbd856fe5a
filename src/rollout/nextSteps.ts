import type {RolloutOutcome} from '../documents/rollout.ts';
import {countOfShare, type RolloutPolicy} from '../documents/rolloutPolicy.ts';
import {judgeWave, type WaveVerdict} from './judgeWave.ts';
import type {DeviceObservation} from './observation.ts';
import type {DeviceProgress, RolloutState} from './rolloutState.ts';

export type RolloutStep =
  /** Work on one device; each ends with a record of the device's next phase. */
  | {readonly kind: 'stage' | 'activate' | 'check' | 'confirm' | 'revert'; readonly device: string}
  /** Look at these devices again; `untilMs`: when the wave can be judged at the earliest. */
  | {
      readonly kind: 'soak';
      readonly wave: number;
      readonly devices: readonly string[];
      readonly untilMs: number;
      readonly judged: WaveVerdict;
    }
  | {readonly kind: 'pass'; readonly wave: number; readonly judged: WaveVerdict}
  | {
      readonly kind: 'stop';
      readonly wave: number;
      readonly reason: string;
      readonly judged: WaveVerdict | null;
    }
  | {
      readonly kind: 'end';
      readonly outcome: RolloutOutcome;
      readonly reason: string;
      readonly judged: {readonly wave: number; readonly verdict: WaveVerdict} | null;
    };

const FORWARD = {staged: 'activate', activated: 'check', checked: 'confirm'} as const;
/** Devices on which the new release serves, or may. */
const EXPOSED = new Set(['activated', 'checked', 'confirmed', 'lost']);

const PROVED_PER_SWITCH = 3;

/**
 * What to do now. Steps on devices may run at the same time; `inFlight` are the devices that are being worked on, which
 * get no other step. Asked again after every record and, while a wave soaks, after every look.
 * The whole safety of a rollout is in here: at most `maxParallel` devices in flight, at most `maxUnavailable` between two
 * releases, no wave before the one before it has passed, and everything taken back once it is stopped.
 */
export function nextSteps(
  state: RolloutState,
  observations: ReadonlyMap<string, DeviceObservation>,
  policy: RolloutPolicy,
  inFlight: ReadonlySet<string>,
  nowMs: number,
): RolloutStep[] {
  if (state.ended !== null) return [];
  const devices = [...state.devices.values()];
  if (state.stopped !== null) return goBack(devices, state.stopped, policy, inFlight);
  const wave = firstOpenWave(state, devices);
  const tooMany = judgeFailures(devices, policy);
  if (tooMany !== null)
    return [{kind: 'stop', wave: wave ?? lastWaveOf(devices), reason: tooMany, judged: null}];
  if (wave === null) return inFlight.size > 0 ? [] : [finish(devices)];
  const members = devices.filter(each => each.wave === wave);
  if (waveToApprove(state, policy) === wave)
    return [end('waiting-for-approval', `Wave ${wave} waits for approval.`)];
  const moves = advance(devices, members, policy, inFlight);
  if (moves.length > 0 || members.some(({device, phase}) => inFlight.has(device) || isUnderWay(phase)))
    return moves;
  return judge(state, observations, policy, wave, nowMs);
}

/** The first wave that must not begin before somebody says so, and has not; `null` where there is none. */
export function waveToApprove(
  {devices, approvedWaves}: Pick<RolloutState, 'devices' | 'approvedWaves'>,
  {approveBefore}: Pick<RolloutPolicy, 'approveBefore'>,
): number | null {
  const begun = new Set(
    [...devices.values()]
      .filter(({phase}) => phase !== 'waiting' && phase !== 'deferred')
      .map(({wave}) => wave),
  );
  const all = new Set([...devices.values()].map(({wave}) => wave));
  const open = approveBefore.filter(wave => all.has(wave) && !begun.has(wave) && !approvedWaves.has(wave));
  return open.length === 0 ? null : Math.min(...open);
}

/** @returns why the rollout must stop, or `null` */
function judgeFailures(devices: readonly DeviceProgress[], {gates}: RolloutPolicy): string | null {
  const tried = devices.filter(
    ({phase}) => phase !== 'waiting' && phase !== 'staged' && phase !== 'deferred',
  );
  const failed = tried.filter(({phase}) => ['failed', 'lost', 'revert-failed'].includes(phase));
  const allowed = Math.floor(countOfShare(gates.failures, tried.length));
  const [first] = failed;
  if (first === undefined || failed.length <= allowed) return null;
  return `${failed.length} of ${tried.length} devices failed, ${allowed} may; ${first.device}: ${first.detail ?? first.phase}`;
}

function firstOpenWave(state: RolloutState, devices: readonly DeviceProgress[]): number | null {
  const open = devices.map(({wave}) => wave).filter(wave => !state.passedWaves.has(wave));
  return open.length === 0 ? null : Math.min(...open);
}

function lastWaveOf(devices: readonly DeviceProgress[]): number {
  return Math.max(1, ...devices.map(({wave}) => wave));
}

function isUnderWay(phase: DeviceProgress['phase']): boolean {
  return phase === 'waiting' || Object.hasOwn(FORWARD, phase);
}

function advance(
  devices: readonly DeviceProgress[],
  members: readonly DeviceProgress[],
  policy: RolloutPolicy,
  inFlight: ReadonlySet<string>,
): RolloutStep[] {
  let slots = policy.maxParallel - inFlight.size;
  // Each has a connection and a lock: those that wait for their switch count as well.
  let begun = members.filter(
    ({device, phase}) => inFlight.has(device) || (phase !== 'waiting' && isUnderWay(phase)),
  ).length;
  const isUnavailable = ({device, phase}: DeviceProgress) =>
    phase === 'activated' ||
    phase === 'checked' ||
    phase === 'lost' ||
    (phase === 'staged' && inFlight.has(device));
  let unavailable = devices.filter(isUnavailable).length;
  const mayBeUnavailable = Math.min(
    Math.max(1, Math.floor(countOfShare(policy.maxUnavailable, devices.length))),
    mostSwitching(devices, members),
  );
  const steps: RolloutStep[] = [];
  // Who is furthest along first: a device between two releases is what must not be kept waiting.
  for (const phase of ['checked', 'activated', 'staged', 'waiting'] as const) {
    for (const {device} of members.filter(each => each.phase === phase && !inFlight.has(each.device))) {
      if (slots <= 0) return steps;
      if (phase === 'waiting') {
        if (begun >= policy.maxParallel) return steps;
        begun++;
      }
      if (phase === 'staged') {
        if (unavailable >= mayBeUnavailable) break;
        unavailable++;
      }
      steps.push({kind: phase === 'waiting' ? 'stage' : FORWARD[phase], device});
      slots--;
    }
  }
  return steps;
}

/**
 * How many devices may be switched and not confirmed yet. After the canaries their number grows with what the release has
 * proved: those that are under way when the first bad device shows are exposed in vain. See docs/decisions/0012.
 */
function mostSwitching(devices: readonly DeviceProgress[], members: readonly DeviceProgress[]): number {
  const isFirst = members.every(({wave}) => wave === Math.min(...devices.map(each => each.wave)));
  if (isFirst) return members.length;
  const proved = devices.filter(({phase}) => phase === 'confirmed' || phase === 'unchanged').length;
  return Math.max(1, Math.floor(proved / PROVED_PER_SWITCH));
}

function judge(
  state: RolloutState,
  observations: ReadonlyMap<string, DeviceObservation>,
  policy: RolloutPolicy,
  wave: number,
  nowMs: number,
): RolloutStep[] {
  const devices = [...state.devices.values()];
  const members = devices.filter(each => each.wave === wave);
  const tried = devices.filter(({phase}) => phase !== 'waiting');
  const offline = tried.filter(({phase}) => phase === 'deferred');
  const mayBeOffline = Math.ceil(countOfShare(policy.gates.unreachable, tried.length));
  const serving = members.filter(({phase}) => phase === 'confirmed' || phase === 'unchanged');
  const isFirst = wave === Math.min(...devices.map(each => each.wave));
  const isNew = members.some(({phase}) => phase === 'confirmed');
  const reachability =
    offline.length > mayBeOffline || (isFirst && serving.length === 0)
      ? {
          gate: 'unreachable' as const,
          verdict: 'inconclusive' as const,
          reason: `${offline.length} of ${tried.length} devices are offline; ${mayBeOffline} may be, and the first wave needs one that is not`,
        }
      : {
          gate: 'unreachable' as const,
          verdict: 'pass' as const,
          reason: `${offline.length} of ${tried.length} devices are offline; ${mayBeOffline} may be`,
        };
  if (reachability.verdict === 'inconclusive') {
    const judged = {verdict: 'inconclusive' as const, results: [reachability]};
    return [end('paused', `Wave ${wave} cannot be judged: ${reachability.reason}.`, {wave, verdict: judged})];
  }
  // Nothing new serves here: there is nothing to judge.
  if (!isNew) return [{kind: 'pass', wave, judged: {verdict: 'pass', results: [reachability]}}];
  const names = serving.map(({device}) => device);
  const own = judgeWave(names, observations, policy);
  const judged = {...own, results: [reachability, ...own.results]};
  const untilMs = (state.changedAtMs.get(wave) ?? nowMs) + policy.soakMs;
  if (judged.verdict === 'fail') {
    const failed = judged.results.find(({verdict}) => verdict === 'fail');
    return [{kind: 'stop', wave, reason: failed?.reason ?? 'a gate failed', judged}];
  }
  // A look from before the soaking was over says nothing about its end.
  const isJudgeable =
    nowMs >= untilMs && names.every(name => (observations.get(name)?.atMs ?? -1) >= untilMs);
  if (isJudgeable && judged.verdict === 'pass') return [{kind: 'pass', wave, judged}];
  if (judged.verdict === 'inconclusive' && nowMs >= untilMs + policy.patienceMs) {
    const open = judged.results.find(({verdict}) => verdict === 'inconclusive');
    return [
      end('paused', `Wave ${wave} cannot be judged: ${open?.reason ?? 'no gate says why'}.`, {
        wave,
        verdict: judged,
      }),
    ];
  }
  return [{kind: 'soak', wave, devices: names, untilMs, judged}];
}

/** All at once as far as parallelism allows; one that cannot be taken back never stops the others. */
function goBack(
  devices: readonly DeviceProgress[],
  reason: string,
  {maxParallel}: RolloutPolicy,
  inFlight: ReadonlySet<string>,
): RolloutStep[] {
  const exposed = devices.filter(({device, phase}) => EXPOSED.has(phase) && !inFlight.has(device));
  if (exposed.length > 0) {
    return exposed
      .slice(0, Math.max(0, maxParallel - inFlight.size))
      .map(({device}) => ({kind: 'revert', device}));
  }
  if (inFlight.size > 0) return [];
  const stuck = devices.filter(({phase}) => phase === 'revert-failed');
  if (stuck.length === 0) return [end('reverted', reason)];
  const names = stuck.map(({device}) => device).join(', ');
  return [end('revert-incomplete', `${names} could not be taken back after: ${reason}`)];
}

function finish(devices: readonly DeviceProgress[]): RolloutStep {
  const offline = devices.filter(({phase}) => phase === 'deferred');
  const failed = devices.filter(({phase}) => phase === 'failed' || phase === 'lost');
  if (offline.length === 0 && failed.length === 0)
    return end('complete', `All ${devices.length} devices serve the release.`);
  const names = [...offline, ...failed].map(({device}) => device);
  return end(
    'partial',
    `Without ${names.slice(0, 5).join(', ')}${names.length > 5 ? ' …' : ''} (${names.length} of ${devices.length}).`,
  );
}

function end(
  outcome: RolloutOutcome,
  reason: string,
  judged: {readonly wave: number; readonly verdict: WaveVerdict} | null = null,
): RolloutStep {
  return {kind: 'end', outcome, reason, judged};
}
