import {z} from 'zod';

const METRICS = ['top-1', 'top-5', 'mean-absolute-error', 'cosine', 'sqnr'] as const;

const command = z.strictObject({
  command: z
    .array(z.string().min(1))
    .min(1)
    .describe(
      'A program and its arguments, to which the model file is added; the last number it prints is the result.',
    ),
  better: z.enum(['higher', 'lower']).optional().describe('"higher" when left out.'),
});

/** How the quality of a build is measured. */
export const accuracyMetricSchema = z.union([z.enum(METRICS), command]);

export type AccuracyMetric = z.infer<typeof accuracyMetricSchema>;

/** How much worse than the original a build may be. */
export type AccuracyBudget =
  /** In the metric's own unit: 0.01 of top-1 is one percentage point. */
  | {readonly kind: 'absolute-drop'; readonly limit: number}
  /** A share of the original's value. */
  | {readonly kind: 'relative-drop'; readonly limit: number}
  /** A value of its own, whatever the original's: decibels for sqnr. */
  | {readonly kind: 'at-least'; readonly limit: number};

const BUDGET = /^(\d+(?:\.\d+)?(?:e[-+]?\d+)?)\s*(%|points?)?$/;

/**
 * `0.01` (absolute, in the metric's unit), `0.5 points` (hundredths, for metrics between 0 and 1), `1%` (of the
 * original's value); `null` for anything else.
 */
export function budgetFromText(text: string): AccuracyBudget | null {
  const [, digits, unit] = BUDGET.exec(text.trim()) ?? [];
  if (digits === undefined) return null;
  const value = Number(digits);
  if (unit === undefined) return {kind: 'absolute-drop', limit: value};
  return unit === '%'
    ? {kind: 'relative-drop', limit: value / 100}
    : {kind: 'absolute-drop', limit: value / 100};
}

/** What a metric takes in place of a budget that says nothing about it. */
export interface UnsuitableBudget {
  readonly expected: string;
  readonly because: string;
}

/**
 * Why `text`, a budget as budgetFromText reads it, cannot be one for the metric; `null` when it can. Without a metric it
 * will be top-1 or cosine, which take the same.
 */
export function unsuitableBudget(metric: AccuracyMetric | undefined, text: string): UnsuitableBudget | null {
  const unit = BUDGET.exec(text.trim())?.[2];
  if (metric === 'sqnr')
    return {expected: '"minimum" in its place', because: 'sqnr has no value of the original to drop from'};
  if (metric === 'mean-absolute-error')
    return unit === undefined
      ? null
      : {
          expected: "a plain number, in the outputs' own unit",
          because: 'the original differs from itself by 0, which has no hundredths',
        };
  if (typeof metric === 'object')
    return unit === undefined || unit === '%'
      ? null
      : {expected: 'a number or a percentage', because: 'points are hundredths of top-1, top-5 or cosine'};
  const limit = budgetFromText(text)?.limit ?? 0;
  return limit < 1
    ? null
    : {expected: 'less than all of it, as 1%, "1 point" or 0.01', because: 'no build could fail it'};
}

/** What the project allows; `null` when it does not say. */
export function budgetOf(accuracy: Accuracy): AccuracyBudget | null {
  if (accuracy.minimum !== undefined) return {kind: 'at-least', limit: accuracy.minimum};
  return accuracy.maxDrop === undefined ? null : budgetFromText(String(accuracy.maxDrop));
}

const maxDrop = z.union([
  z.number().nonnegative(),
  z.string().regex(BUDGET, 'expected a number, "1%" of the original, or "0.5 points"'),
]);

/** The metric a build is judged by, and what it may lose. */
export const accuracySchema = z
  .strictObject({
    metric: accuracyMetricSchema
      .optional()
      .describe('top-1 where the evaluation data have labels, else cosine, when left out.'),
    maxDrop: maxDrop
      .optional()
      .describe(
        'How much worse than the original a build may be: 0.01 or "0.5 points" (absolute), "1%" (of the original\'s value). mean-absolute-error takes a plain number, a command a number or a percentage, sqnr "minimum" in its place.',
      ),
    minimum: z.number().optional().describe('For sqnr: the lowest value in dB.'),
  })
  .superRefine((accuracy, context) => {
    const {metric, maxDrop: drop, minimum} = accuracy;
    const unsuitable = drop === undefined ? null : unsuitableBudget(metric, String(drop));
    if (unsuitable !== null)
      context.addIssue({
        code: 'custom',
        path: ['maxDrop'],
        message: `expected ${unsuitable.expected}: ${unsuitable.because}`,
        input: drop,
      });
    if (metric !== 'sqnr' && minimum !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['minimum'],
        message: 'expected "maxDrop" in its place: only sqnr has a minimum',
        input: minimum,
      });
  });

export type Accuracy = z.infer<typeof accuracySchema>;
