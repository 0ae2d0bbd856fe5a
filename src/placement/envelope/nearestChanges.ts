import type {ProblemTier} from '../costOfPlacement.ts';
import {presentValue} from './costParts.ts';
import type {Quantity} from './costParts.ts';
import type {EnvelopePiece} from './lowerEnvelope.ts';
import type {PlacementLine} from './placementEnvelope.ts';

/** The nearest value of a quantity at which another placement becomes the best. */
export interface PlacementChange {
  /** Whether the quantity has to grow or to shrink; where two placements tie, by nothing. */
  readonly direction: 'grows' | 'shrinks';
  readonly value: number;
  readonly tiers: readonly ProblemTier[];
}

/** The breakpoints of an envelope next to the present value, if there are any: at most one on each side. */
export function nearestChanges(
  pieces: readonly EnvelopePiece<PlacementLine>[],
  quantity: Quantity,
  chosen: readonly ProblemTier[],
): PlacementChange[] {
  const now = presentValue(quantity);
  const key = chosen.join();
  const here = pieces.findIndex(({from, to, line}) => from <= now && now <= to && line.tiers.join() === key);
  // A placement that ties with others at the present value alone has no piece: both sides begin right there.
  const before = here < 0 ? pieces.findLast(({from}) => from < now) : pieces[here - 1];
  const after = here < 0 ? pieces.find(({to}) => to > now) : pieces[here + 1];
  const changes: PlacementChange[] = [];
  if (before !== undefined)
    changes.push({direction: 'shrinks', value: Math.min(before.to, now), tiers: before.line.tiers});
  if (after !== undefined)
    changes.push({direction: 'grows', value: Math.max(after.from, now), tiers: after.line.tiers});
  return changes;
}
