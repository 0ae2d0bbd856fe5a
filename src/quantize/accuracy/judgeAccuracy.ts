import type {AccuracyBudget} from '../../documents/accuracyBudget.ts';

export interface Verdict {
  readonly isMet: boolean;
  /** How much worse than the float model, in the metric's unit; 0 or less when not worse. */
  readonly drop: number;
}

/**
 * Whether a build with `value` may be handed out. A NaN never may. Half a rounding error of the share is forgiven, so
 * that a drop of exactly the limit is inside it.
 */
export function judgeAccuracy(
  budget: AccuracyBudget,
  {original, value, isHigherBetter}: {original: number; value: number; isHigherBetter: boolean},
): Verdict {
  const drop = isHigherBetter ? original - value : value - original;
  const tolerance = 1e-9 * Math.max(1, Math.abs(original));
  switch (budget.kind) {
    case 'absolute-drop':
      return {isMet: drop <= budget.limit + tolerance, drop};
    case 'relative-drop':
      return {isMet: drop <= budget.limit * Math.abs(original) + tolerance, drop};
    case 'at-least':
      return {isMet: isHigherBetter ? value >= budget.limit : value <= budget.limit, drop};
  }
}
