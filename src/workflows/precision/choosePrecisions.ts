import type {Accuracy} from '../../documents/accuracyBudget.ts';
import type {Precision} from '../../documents/precisions.ts';
import type {BoundaryChoice, PrecisionWish} from '../../documents/planPrecision.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {chooseBudget, type ChosenBudget} from '../builds/chooseBudget.ts';

/** Where lower precision is asked for and nobody has said what it may cost. */
const DEFAULT_BUDGET: ChosenBudget = {
  limit: {kind: 'absolute-drop', limit: 0.005},
  text: '0.5 points, for none is declared',
};

export interface AllowedPrecisions {
  readonly boundaries: readonly BoundaryChoice[];
  /** Of builds that the device's layers may be taken from besides fp32. */
  readonly precisions: 'any' | readonly Precision[];
  readonly budget: ChosenBudget;
}

/**
 * What may cross rounded, and how much it may lose. Accuracy is not traded for speed unless somebody said how much of it:
 * with neither a wish nor a budget nothing is rounded.
 * @throws ExpectedError `accuracy-budget-invalid`, `accuracy-budget-missing` where the metric has no sensible default
 */
export function choosePrecisions(
  accuracy: Accuracy | undefined,
  {precision, maxDrop}: {readonly precision?: PrecisionWish; readonly maxDrop?: string},
): AllowedPrecisions {
  const declared = chooseBudget(accuracy, maxDrop);
  const wish = precision ?? (declared === null ? 'fp32' : 'auto');
  const boundaries: readonly BoundaryChoice[] =
    wish === 'fp32' ? ['as-is'] : wish === 'auto' ? ['as-is', 'fp16', 'int8'] : ['as-is', wish];
  const precisions = wish === 'auto' ? 'any' : wish === 'fp32' ? [] : [wish];
  if (declared !== null || boundaries.length === 1)
    return {boundaries, precisions, budget: declared ?? DEFAULT_BUDGET};
  const metric = accuracy?.metric;
  if (metric === 'sqnr' || metric === 'mean-absolute-error')
    throw new ExpectedError(
      'accuracy-budget-missing',
      `--precision ${wish} needs to know how much of ${metric} may be lost.`,
      EXIT.usage,
      {
        hints: [
          metric === 'sqnr'
            ? 'Set accuracy: {metric: sqnr, minimum: 30} in edgewise.yaml.'
            : `edgewise plan --precision ${wish} --max-drop 0.01`,
        ],
      },
    );
  return {boundaries, precisions, budget: DEFAULT_BUDGET};
}
