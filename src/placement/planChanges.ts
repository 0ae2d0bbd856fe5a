import type {Plan} from '../documents/plan.ts';
import type {Link} from '../documents/profile.ts';
import {findPlacementChanges} from './answerChanges.ts';
import {choosePlacement} from './choosePlacement.ts';
import type {Placement} from './choosePlacement.ts';
import {costOfPlacement} from './costOfPlacement.ts';
import type {ProblemTier} from './costOfPlacement.ts';
import type {PlacementProblem} from './problem.ts';

const NS_PER_MS = 1e6;

export type PlanChange = NonNullable<Plan['changes']>[number];

type NamePlacement = (tiers: readonly ProblemTier[]) => string;

export interface NamedChange {
  readonly change: PlanChange;
  readonly tiers: readonly ProblemTier[];
}

/**
 * At which link bandwidth (both directions alike, given as the upward one), round-trip time, device and cloud speed
 * the answer changes: the nearest threshold on each side, exact among all placements. `becomes`
 * names a placement. Empty without a cloud.
 */
export function planChanges(
  problem: PlacementProblem,
  placement: Placement,
  link: Link | null,
  becomes: NamePlacement,
): NamedChange[] {
  if (link === null || problem.link === null) return [];
  const found: NamedChange[] = [];

  for (const {factor, direction, tiers} of findPlacementChanges(problem, placement.tiers, 'link-time')) {
    const current = link.upBytesPerSecond;
    const change = {
      threshold: current / factor,
      current,
      unit: 'bytes-per-second',
      becomes: becomes(tiers),
    } as const;
    found.push({
      change: {what: 'link-bandwidth', direction: direction === 'grows' ? 'below' : 'above', ...change},
      tiers,
    });
  }
  const roundTrip = roundTripChange(problem, placement, link, becomes);
  if (roundTrip !== null) found.push(roundTrip);
  for (const [what, quantity] of [
    ['device-speed', 'device-time'],
    ['cloud-speed', 'cloud-time'],
  ] as const) {
    for (const {factor, direction, tiers} of findPlacementChanges(problem, placement.tiers, quantity)) {
      const change = {threshold: 1 / factor, current: 1, unit: 'times', becomes: becomes(tiers)} as const;
      found.push({change: {what, direction: direction === 'grows' ? 'below' : 'above', ...change}, tiers});
    }
  }
  return found;
}

/** The fixed cost is paid or not: a longer round trip can only lead to device-only, a shorter one only away from it. */
function roundTripChange(
  problem: PlacementProblem,
  placement: Placement,
  link: Link,
  becomes: NamePlacement,
): NamedChange | null {
  if (problem.link === null) return null;
  const usesCloud = placement.tiers.includes('cloud');
  const other = usesCloud
    ? problem.layers.map((): ProblemTier => 'device')
    : choosePlacement({...problem, link: {...problem.link, fixedNs: 0}}).tiers;
  if (!usesCloud && !other.includes('cloud')) return null;
  const cost = costOfPlacement(problem, other);
  if (cost.violations.length > 0) return null;
  const differenceMs = (cost.costNs - placement.costNs) / NS_PER_MS;
  const threshold = link.roundTripMs + (usesCloud ? differenceMs : -differenceMs);
  if (threshold < 0) return null;
  return {
    change: {
      what: 'round-trip',
      direction: usesCloud ? 'above' : 'below',
      threshold,
      unit: 'ms',
      current: link.roundTripMs,
      becomes: becomes(other),
    },
    tiers: other,
  };
}
