import type {ReleaseStatistics} from '../documents/agentStatistics.ts';
import type {GateResult} from '../documents/rollout.ts';
import type {RolloutPolicy} from '../documents/rolloutPolicy.ts';
import {judgeErrorRate} from './gates/errorRateGate.ts';
import {judgeLatency, p95FromHistogram} from './gates/latencyGates.ts';
import {judgeOutputShift} from './gates/outputShiftGate.ts';
import type {DeviceObservation} from './observation.ts';

export interface WaveVerdict {
  readonly verdict: GateResult['verdict'];
  readonly results: readonly GateResult[];
}

interface MeasuredDevice {
  readonly device: string;
  readonly current: ReleaseStatistics;
  readonly previous: ReleaseStatistics | null;
  readonly predictedMs: number | null;
}

/**
 * What the devices of a wave measured, held against the policy. One gate that fails fails the wave; one that cannot tell,
 * or a device that tells nothing, leaves it inconclusive: such a wave is never promoted.
 * `devices`: the names of those that serve the new release.
 */
export function judgeWave(
  devices: readonly string[],
  observations: ReadonlyMap<string, DeviceObservation>,
  {gates}: Pick<RolloutPolicy, 'gates'>,
): WaveVerdict {
  const measured = devices.flatMap((device): MeasuredDevice[] => {
    const {statistics, predictedMs = null} = observations.get(device) ?? {};
    const current = statistics?.current ?? null;
    return current === null ? [] : [{device, current, previous: statistics?.previous ?? null, predictedMs}];
  });
  const sum = (key: 'requests' | 'errors') => measured.reduce((total, {current}) => total + current[key], 0);
  const latencyAgainst = (limitOf: (each: MeasuredDevice) => number | null) =>
    measured.map(each => ({device: each.device, histogram: each.current.latency, limitMs: limitOf(each)}));
  const results = [
    judgeServing(devices, observations),
    judgeErrorRate({requests: sum('requests'), errors: sum('errors')}, gates.errorRate, gates.minSamples),
    judgeLatency(
      'p95-to-prediction',
      latencyAgainst(({predictedMs}) => (predictedMs === null ? null : predictedMs * gates.p95ToPrediction)),
      gates.minSamples,
    ),
    judgeLatency(
      'p95-to-previous',
      latencyAgainst(({previous}) => limitFromPrevious(previous, gates.minSamples, gates.p95ToPrevious)),
      gates.minSamples,
    ),
    judgeMemory(measured, gates.memoryToPrevious),
    judgeThrottling(measured, gates.throttled),
    judgeOutputShift(
      measured.flatMap(({device, current, previous}) =>
        current.classes === null || previous === null || previous.classes === null
          ? []
          : [{device, now: current.classes, before: previous.classes}],
      ),
      gates.outputShift,
      gates.minSamples,
    ),
  ].filter(result => result !== null);
  return {verdict: verdictOf(results), results};
}

function verdictOf(results: readonly GateResult[]): GateResult['verdict'] {
  if (results.some(({verdict}) => verdict === 'fail')) return 'fail';
  return results.every(({verdict}) => verdict === 'pass') ? 'pass' : 'inconclusive';
}

/** Devices that stopped serving, were started again, or tell nothing. */
function judgeServing(
  devices: readonly string[],
  observations: ReadonlyMap<string, DeviceObservation>,
): GateResult {
  const result = (verdict: GateResult['verdict'], reason: string): GateResult => ({
    gate: 'serving',
    verdict,
    reason,
  });
  for (const device of devices) {
    const seen = observations.get(device);
    if (seen?.isServing === false) return result('fail', `${device} stopped serving the release`);
    const restarts = seen?.statistics?.current?.restarts ?? 0;
    if (restarts > 0) return result('fail', `${device}: the agent died and was started again ${restarts} ×`);
  }
  const silent = devices.filter(device => (observations.get(device)?.statistics?.current ?? null) === null);
  if (silent.length > 0)
    return result(
      'inconclusive',
      `${silent.slice(0, 3).join(', ')}: no measurements from ${silent.length} devices`,
    );
  return devices.length === 0
    ? result('inconclusive', 'no device of the wave serves the release')
    : result('pass', `${devices.length} devices serve the release`);
}

function limitFromPrevious(
  previous: ReleaseStatistics | null,
  minSamples: number,
  factor: number,
): number | null {
  if (previous === null || previous.requests < minSamples) return null;
  const p95Ms = p95FromHistogram(previous.latency);
  return p95Ms === null ? null : p95Ms * factor;
}

function judgeMemory(measured: readonly MeasuredDevice[], allowedFactor: number): GateResult | null {
  const grown = measured.flatMap(({device, current, previous}) =>
    previous === null || previous.residentBytes === 0
      ? []
      : [{device, factor: current.residentBytes / previous.residentBytes}],
  );
  const worst = grown.toSorted((a, b) => b.factor - a.factor)[0];
  if (worst === undefined) return null;
  return {
    gate: 'memory',
    verdict: worst.factor > allowedFactor ? 'fail' : 'pass',
    reason: `${worst.device} needs ${worst.factor.toFixed(2)} × the memory of before; ${allowedFactor} × are allowed`,
  };
}

function judgeThrottling(measured: readonly MeasuredDevice[], allowed: number): GateResult | null {
  const told = measured.flatMap(({device, current: {throttled}}) =>
    throttled === null ? [] : [{device, throttled}],
  );
  const worst = told.toSorted((a, b) => b.throttled - a.throttled)[0];
  if (worst === undefined) return null;
  return {
    gate: 'throttling',
    verdict: worst.throttled > allowed ? 'fail' : 'pass',
    reason: `${worst.device} was throttled ${(worst.throttled * 100).toFixed(0)} % of the time; ${(allowed * 100).toFixed(0)} % are allowed`,
  };
}
