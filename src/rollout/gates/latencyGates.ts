import {upperEdgeMs, type LatencyHistogram} from '../../documents/agentStatistics.ts';
import type {GateResult} from '../../documents/rollout.ts';
import {binomialLowerTail, binomialUpperTail} from '../binomial.ts';

/** Chance of failing a wave although every device is just within its limit; shared by the devices, who all must pass. */
const FALSE_ALARM = 0.001;
/** Chance of passing a device whose p95 lies just above its limit. */
const FALSE_PASS = 0.05;
const BEYOND_P95 = 0.05;

export interface DeviceLatency {
  readonly device: string;
  readonly histogram: LatencyHistogram;
  /** `null`: there is nothing to hold it against. */
  readonly limitMs: number | null;
}

/**
 * Each device's p95 against its own limit by order statistics: it passes when the upper confidence bound of its p95 is
 * within the limit, fails when the lower one is beyond it, and is inconclusive in between, which takes at least 59 requests.
 * @see H. A. David, H. N. Nagaraja, Order Statistics, section 7.1 (distribution-free confidence intervals of quantiles)
 */
export function judgeLatency(
  gate: 'p95-to-prediction' | 'p95-to-previous',
  devices: readonly DeviceLatency[],
  minSamples: number,
): GateResult | null {
  const held = devices.flatMap(({device, histogram, limitMs}) =>
    limitMs === null ? [] : [{device, limitMs, ...countBeyond(histogram, limitMs)}],
  );
  if (held.length === 0) return null;
  const judged = held.map(each => ({
    ...each,
    verdict: judgeBeyond(each, {minSamples, devices: held.length}),
  }));
  const slow = judged.filter(({verdict}) => verdict === 'fail');
  const [slowest] = slow;
  if (slowest !== undefined) {
    return {
      gate,
      verdict: 'fail',
      reason: `${slowest.device}: ${slowest.surelyBeyond} of ${slowest.samples} requests took longer than ${slowest.limitMs.toFixed(2)} ms, which 5 % may${others(slow.length)}`,
    };
  }
  const open = judged.filter(({verdict}) => verdict === 'inconclusive');
  const [first] = open;
  if (first !== undefined) {
    return {
      gate,
      verdict: 'inconclusive',
      reason: `${first.device}: ${first.samples} requests, ${first.maybeBeyond} of them beyond ${first.limitMs.toFixed(2)} ms, do not tell${others(open.length)}`,
    };
  }
  const samples = held.reduce((sum, each) => sum + each.samples, 0);
  return {
    gate,
    verdict: 'pass',
    reason: `p95 is within its limit on ${held.length} devices (${samples} requests)`,
  };
}

interface BeyondLimit {
  readonly samples: number;
  readonly surelyBeyond: number;
  readonly maybeBeyond: number;
}

/** Whether so many requests beyond a limit say that the p95 is within it, beyond it, or nothing yet. */
export function judgeBeyond(
  {samples, surelyBeyond, maybeBeyond}: BeyondLimit,
  {minSamples, devices}: {readonly minSamples: number; readonly devices: number},
): GateResult['verdict'] {
  if (binomialUpperTail(surelyBeyond, samples, BEYOND_P95) <= FALSE_ALARM / devices) return 'fail';
  const isOpen = samples < minSamples || binomialLowerTail(maybeBeyond, samples, BEYOND_P95) > FALSE_PASS;
  return isOpen ? 'inconclusive' : 'pass';
}

function others(count: number): string {
  return count > 1 ? `; so on ${count - 1} more` : '';
}

/** A bucket that holds the limit may lie on either side of it. */
function countBeyond(histogram: LatencyHistogram, limitMs: number): BeyondLimit {
  let samples = 0;
  let surelyBeyond = 0;
  let maybeBeyond = 0;
  for (const [bucket, count] of Object.entries(histogram)) {
    samples += count;
    if (upperEdgeMs(Number(bucket)) > limitMs) maybeBeyond += count;
    if (upperEdgeMs(Number(bucket) - 1) > limitMs) surelyBeyond += count;
  }
  return {samples, surelyBeyond, maybeBeyond};
}

/** The value in ms that 95 % of the requests do not exceed, to 2 %; `null` without requests. */
export function p95FromHistogram(histogram: LatencyHistogram): number | null {
  const buckets = Object.entries(histogram).toSorted(([a], [b]) => Number(a) - Number(b));
  const samples = buckets.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [bucket, count] of buckets) {
    seen += count;
    if (seen >= samples * (1 - BEYOND_P95)) return upperEdgeMs(Number(bucket));
  }
  return null;
}
