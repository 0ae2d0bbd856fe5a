import {z} from 'zod';
import {tierBuildFields} from './tierBuilds.ts';

/** What the activations that cross are rounded to; `as-is`: not at all. */
export const BOUNDARIES = ['as-is', 'fp16', 'int8'] as const;

export type BoundaryChoice = (typeof BOUNDARIES)[number];

/** What users can ask for; `fp32`: whatever crosses is not rounded. */
export const PRECISION_WISHES = ['auto', 'fp32', 'fp16', 'int8'] as const;

export type PrecisionWish = (typeof PRECISION_WISHES)[number];

/** The very segments that would be pushed, run one after the other, held against the model as it was compiled. */
const composedAccuracy = z.strictObject({
  /** As in the project: `top-1`, `cosine` …, or the command. */
  metric: z.string(),
  /** `null` where it is not finite: sqnr of equal outputs. */
  original: z.number().nullable(),
  composed: z.number().nullable(),
  /** In the metric's unit; 0 or less when not worse. */
  drop: z.number().nullable(),
  samples: z.int().positive(),
  /** What may be lost, as it was declared. */
  budget: z.string(),
  isRandom: z.boolean(),
  maxAbsoluteDifference: z.number().nonnegative(),
  /** `null` where the outputs are equal. */
  outputs: z.array(z.strictObject({name: z.string(), sqnrDb: z.number().nullable()})),
});

const candidate = z.strictObject({
  ...tierBuildFields,
  boundary: z.enum(BOUNDARIES),
  /** Whether pictures that cross travel as their pixels. */
  input: z.enum(['as-is', 'pixels']),
  /** Whether everything that goes up is packed without a loss. */
  isPacked: z.boolean().optional(),
  /** Of the best placement with it; `null` when it was not planned with. */
  predictedMs: z.number().nonnegative().nullable(),
  upBytes: z.int().nonnegative().nullable(),
  verdict: z.enum(['chosen', 'slower', 'refused']),
  reason: z.string(),
  /** Where it was measured: the fastest ones only, until one holds. */
  accuracy: composedAccuracy.optional(),
});

/** Which precisions were planned with, and what decided between them. */
export const planPrecisionSchema = z.strictObject({
  ...tierBuildFields,
  boundary: z.enum(BOUNDARIES),
  input: z.enum(['as-is', 'pixels']),
  isPacked: z.boolean().optional(),
  candidates: z.array(candidate),
});

export type PlanPrecision = z.infer<typeof planPrecisionSchema>;
export type PrecisionCandidate = PlanPrecision['candidates'][number];
export type ComposedAccuracy = z.infer<typeof composedAccuracy>;
