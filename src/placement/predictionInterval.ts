import type {PlanTotals} from '../documents/plan.ts';
import type {MeasuredMs} from '../documents/profile.ts';
import type {twoTiersOf} from './measurements.ts';

/** A normal distribution keeps nine tenths of itself within so many standard deviations, … */
export const DEVIATIONS_OF_90_PERCENT = 1.645;
/** … and half of itself within 1 / 1.4826 of one. */
const DEVIATIONS_PER_MEDIAN_DEVIATION = 1.4826;
/** The median of n values of a normal distribution scatters by √(π/2) / √n of what each does. */
const MEDIAN_FACTOR = Math.sqrt(Math.PI / 2);
/** What is told is where the median of so many requests will lie. */
const REQUESTS = 24;

/**
 * Of the whole: what no single measurement shows, such as a machine that is a little faster now than a minute ago. Found in the
 * lab: with it 56 of 60 medians lay within their intervals, and 54 with 0.008 (bench/prediction.ts, 2026-11-30, profiled right
 * before they were asked). A device whose load or heat has changed since its profile errs by more.
 */
export const COMMON_ERROR = 0.01;

/**
 * Adds where nine of ten medians over some requests will lie, in ms, from how far the profile's own measurements
 * scattered, and how many there were: its medians scatter, and so will those of the requests. Each part of the prediction errs in
 * proportion to its size, and independently of the others. Nothing is added to what rests on estimated times, which have an
 * interval of their own.
 */
export function withInterval(
  totals: PlanTotals,
  {device, cloud, link}: ReturnType<typeof twoTiersOf>,
): PlanTotals {
  if ([device, cloud?.times].some(times => times?.wholeRun.obtained === 'estimated')) return totals;
  const deviations = [
    totals.deviceMs * relativeDeviation(device.wholeRun),
    totals.overheadMs * relativeDeviation(device.requestOverhead),
    totals.cloudMs * (cloud === null ? 0 : relativeDeviation(cloud.times.wholeRun)),
    totals.linkMs > 0 && link !== null ? link.link.residualMs : 0,
    totals.latencyMs * COMMON_ERROR,
  ];
  const halfWidthMs = DEVIATIONS_OF_90_PERCENT * Math.hypot(...deviations);
  return {
    ...totals,
    interval90: {
      lowMs: Math.max(0, totals.latencyMs - halfWidthMs),
      highMs: totals.latencyMs + halfWidthMs,
    },
  };
}

/** Of a median of requests from a median of the profile, as a share. */
function relativeDeviation({medianMs, spreadMs, runs}: MeasuredMs): number {
  if (medianMs <= 0) return 0;
  const deviationOfOne = (DEVIATIONS_PER_MEDIAN_DEVIATION * spreadMs) / medianMs;
  return deviationOfOne * MEDIAN_FACTOR * Math.sqrt(1 / runs + 1 / REQUESTS);
}
