import type {ComposedAccuracy} from '../../documents/planPrecision.ts';

/** What was measured, in the metric's own unit, and what was allowed. */
export function sentenceFromAccuracy(accuracy: ComposedAccuracy): string {
  const {metric, original, composed, samples, budget, isRandom} = accuracy;
  const isShare = metric === 'top-1' || metric === 'top-5';
  const show = (value: number | null): string => {
    if (value === null) return 'no number';
    return isShare ? `${(value * 100).toFixed(2)} %` : String(Number(value.toPrecision(5)));
  };
  const data = `${samples}${isRandom ? ' random' : ''} samples`;
  return `${metric} ${show(composed)} where the original has ${show(original)}, on ${data}; allowed: ${budget}`;
}
