import type {GateResult} from '../../documents/rollout.ts';
import {judgeBeyond} from './latencyGates.ts';

/**
 * The p95 of one device's requests, each known in milliseconds, against a limit, as `judgeLatency` judges a wave's.
 * With few requests nothing but a clear failure is told.
 */
export function judgeTimes(
  timesMs: readonly number[],
  limitMs: number,
): {readonly verdict: GateResult['verdict']; readonly beyond: number} {
  const beyond = timesMs.filter(each => each > limitMs).length;
  const counts = {samples: timesMs.length, surelyBeyond: beyond, maybeBeyond: beyond};
  return {verdict: judgeBeyond(counts, {minSamples: 1, devices: 1}), beyond};
}
