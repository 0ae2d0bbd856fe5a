import {z} from 'zod';
import {BOUNDARIES} from './planPrecision.ts';
import {tierPrecisionFields} from './tierBuilds.ts';

const interval = z.strictObject({lowMs: z.number(), highMs: z.number()});

const candidate = z.strictObject({
  /** As alternatives are named; more than one may have a name, where what crosses travels otherwise. */
  name: z.string(),
  /** The precision of each tier's build, where it is not the fp32 one. */
  ...tierPrecisionFields,
  /** Absent where nothing but the tensors as they are was planned with. */
  boundary: z.enum(BOUNDARIES).optional(),
  input: z.enum(['as-is', 'pixels']).optional(),
  isPacked: z.boolean().optional(),
  predictedMs: z.number().nonnegative(),
  /** Where nine of ten measured medians were to lie. */
  predictedInterval90: interval.optional(),
  /** `null`: it gave no answers, or too few. */
  measured: z
    .strictObject({
      p50Ms: z.number().nonnegative(),
      p95Ms: z.number().nonnegative(),
      /** Where the median lies, with nine chances of ten or a little more. */
      interval90: interval,
      /** Medians of where it went. */
      deviceMs: z.number().nonnegative(),
      linkMs: z.number().nonnegative(),
      cloudMs: z.number().nonnegative(),
      requests: z.int().positive(),
    })
    .nullable(),
  /** Longer than the chosen one by so much: the median of the differences of the same rounds, and where it lies. */
  difference: z.strictObject({p50Ms: z.number(), interval90: interval}).optional(),
  verdict: z.enum(['chosen', 'slower', 'not-told-apart', 'failed']),
  reason: z.string(),
});

/** The best candidates by prediction, built, run in turn on the very machines, and decided between by what was measured. */
export const planVerificationSchema = z.strictObject({
  /** Each asked every candidate that answered once. */
  rounds: z.int().nonnegative(),
  /** Another than the one that was predicted to be the best has been chosen. */
  isChanged: z.boolean(),
  /** In the order in which they were predicted. */
  candidates: z.array(candidate).nonempty(),
});

export type PlanVerification = z.infer<typeof planVerificationSchema>;
export type VerifiedCandidate = PlanVerification['candidates'][number];
