import type {LayerReason, PlanObjective} from '../../documents/plan.ts';
import type {MeasuredGoal} from './measuredGoal.ts';
import type {Restriction} from './restrictions.ts';
import type {Measure} from './space.ts';

/** The best placements of the same question with one kind of constraint taken away; absent where none was set. */
interface Counterfactuals {
  readonly pins: readonly Restriction[];
  readonly withoutPins?: readonly number[];
  readonly withoutRawRule?: readonly number[];
  readonly withoutLimits?: readonly number[];
}

/** Why each layer is on its tier: what was asked for, what it would do were that not asked, then what it costs by itself. */
export function reasonsForGoal(
  {space, tiers: names}: MeasuredGoal,
  tiers: readonly number[],
  measure: Measure,
  objective: PlanObjective,
  {pins, withoutPins, withoutRawRule, withoutLimits}: Counterfactuals,
): LayerReason[] {
  const pinned = new Set(pins.flatMap(({layers}) => layers));
  return space.layers.map((_, layer): LayerReason => {
    const tier = tiers[layer] ?? 0;
    if (names.length === 1) return 'no-cloud';
    if (pinned.has(layer)) return 'pinned-by-user';
    if (withoutRawRule !== undefined && withoutRawRule[layer] !== tier) return 'keeps-raw-input-on-device';
    if (withoutPins !== undefined && withoutPins[layer] !== tier) return 'pinned-by-user';
    if (withoutLimits !== undefined && withoutLimits[layer] !== tier) return 'keeps-within-limits';
    const row = measure.layers[layer] ?? [];
    const isLeast = row.every((amount, other) => other === tier || (row[tier] ?? 0) < amount);
    if (objective === 'throughput') return isLeast ? 'faster-here' : 'keeps-rate';
    if (isLeast) return objective === 'latency' ? 'faster-here' : 'costs-less-here';
    return 'saves-transfer';
  });
}
