import type {Plan} from '../../documents/plan.ts';
import type {Link} from '../../documents/profile.ts';
import type {ProblemLink} from '../problem.ts';
import type {Quantity} from './costParts.ts';
import type {QuantityRange} from './placementEnvelope.ts';

const NS_PER_MS = 1e6;

type Change = NonNullable<Plan['changes']>[number];

/** One quantity as documents tell of it: speeds where the costs have times, so that what grows here shrinks there. */
export interface Axis {
  readonly what: Extract<Change['what'], 'link-bandwidth' | 'round-trip' | 'cloud-speed' | 'device-speed'>;
  readonly unit: Change['unit'];
  readonly current: number;
  readonly range: QuantityRange;
  /** The value in `unit` that the quantity's value x stands for; where x is nothing, a speed is `Infinity`. */
  valueAt(x: number): number;
}

/** 10 kbit/s and 100 Gbit/s: from the slowest radio links to the fastest networks of data centres. */
const BANDWIDTHS_BYTES_PER_SECOND = [1250, 12.5e9] as const;
/** Ten times what a geostationary satellite takes, and more. */
const LONGEST_ROUND_TRIP_MS = 10_000;
/** How many times slower or faster than measured. */
const SPEEDS = [1 / 100, 100] as const;

/** The link's bandwidth: the upward one in bytes per second, with the downward one in its measured proportion. */
export function bandwidthAxis({upBytesPerSecond}: Link): Axis {
  return speedAxis(
    'link-bandwidth',
    'bytes-per-second',
    'link-time',
    upBytesPerSecond,
    BANDWIDTHS_BYTES_PER_SECOND,
  );
}

/** A tier's speed as a multiple of what was measured. */
export function tierSpeedAxis(tier: 'device' | 'cloud'): Axis {
  return speedAxis(`${tier}-speed`, 'times', `${tier}-time`, 1, SPEEDS);
}

/** The round trip in ms, from 0, or from where nothing would be left of the link's fixed cost, which holds it. */
export function roundTripAxis({roundTripMs}: Link, {fixedNs}: Pick<ProblemLink, 'fixedNs'>): Axis {
  const shortestMs = Math.max(0, roundTripMs - fixedNs / NS_PER_MS);
  const longestMs = Math.max(LONGEST_ROUND_TRIP_MS, roundTripMs);
  return {
    what: 'round-trip',
    unit: 'ms',
    current: roundTripMs,
    range: {
      quantity: 'round-trip',
      from: (shortestMs - roundTripMs) * NS_PER_MS,
      to: (longestMs - roundTripMs) * NS_PER_MS,
    },
    // Never below nothing by a rounding.
    valueAt: x => Math.max(0, roundTripMs + x / NS_PER_MS),
  };
}

/** The range is widened to hold the present value, should it lie outside. */
function speedAxis(
  what: Axis['what'],
  unit: Axis['unit'],
  quantity: Quantity,
  current: number,
  [slowest, fastest]: readonly [number, number],
): Axis {
  return {
    what,
    unit,
    current,
    range: {
      quantity,
      from: current / Math.max(fastest, current),
      to: current / Math.min(slowest, current),
    },
    valueAt: x => current / x,
  };
}
