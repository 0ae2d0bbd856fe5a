import {z} from 'zod';
import {headerOf, sha256Digest} from './header.ts';
import {PRECISIONS} from './precisions.ts';
import {measuredMs} from './profile.ts';

export {PRECISIONS, type Precision} from './precisions.ts';

const decision = z.strictObject({decision: z.string(), reason: z.string()});

const accuracy = z.strictObject({
  /** `top-1`, `cosine` …, or the command that was asked. */
  metric: z.string(),
  /** `null` for sqnr: the original against itself has no noise. */
  original: z.number().nullable(),
  build: z.number().nullable(),
  samples: z.int().positive(),
  /** How much was allowed, as it was declared. */
  budget: z.string().optional(),
});

const latency = z.strictObject({
  /** Name of the device, or "this machine". */
  machine: z.string(),
  original: measuredMs,
  build: measuredMs,
  /** Median of build/original, round by round; below 1 is faster. */
  ratio: z.number().positive(),
});

const pruning = z.strictObject({
  /** The candidate that is the same but for what was pruned. */
  unpruned: z.string(),
  /** Of the multiply-adds that are gone, 0 to 1. */
  multiplyAddsRemoved: z.number().nonnegative(),
  /** By the layers that made the channels, which lose the same ones together. */
  channels: z.array(
    z.strictObject({layers: z.array(z.string()), of: z.int().positive(), removed: z.int().positive()}),
  ),
  /** Layers of whose weights two in every four are 0. */
  sparseLayers: z.array(z.string()).optional(),
  /** In the metric of the accuracy. */
  accuracy: z.strictObject({unpruned: z.number().nullable(), pruned: z.number().nullable()}),
  latencyMs: z
    .strictObject({unpruned: z.number().nonnegative(), pruned: z.number().nonnegative()})
    .optional(),
});

const compiled = z.strictObject({
  /** The vendor's tools that told their version. */
  by: z.array(z.string()),
  /** Where they ran: the device's name, or "this machine". */
  machine: z.string(),
  files: z.array(z.strictObject({file: z.string(), digest: sha256Digest, sizeBytes: z.int().nonnegative()})),
});

const candidate = z.strictObject({
  name: z.string(),
  precision: z.enum(PRECISIONS),
  sizeBytes: z.int().nonnegative(),
  accuracy: z.number().optional(),
  latencyMs: z.number().nonnegative().optional(),
  /** Why it was taken or left. */
  verdict: z.string(),
});

export const buildSchema = z.strictObject({
  ...headerOf('edgewise/build'),
  target: z.string(),
  precision: z.enum(PRECISIONS),
  model: z.strictObject({name: z.string(), digest: sha256Digest}),
  /** The compiled model in the store, and the file that users take. */
  artefact: z.strictObject({
    file: z.string().optional(),
    digest: sha256Digest,
    sizeBytes: z.int().nonnegative(),
    /** Of the original model, its external data included. */
    originalSizeBytes: z.int().nonnegative().optional(),
    layers: z.int().nonnegative(),
  }),
  /** What the vendor's compiler made of the artefact, for the vendor's runtime. */
  compiled: compiled.optional(),
  recipe: z.array(decision),
  /** Every layer that computes in float although the build is of lower precision. */
  floatLayers: z.array(z.strictObject({layer: z.string(), reason: z.string()})).optional(),
  calibration: z
    .strictObject({
      source: z.string(),
      digest: sha256Digest,
      samples: z.int().positive(),
      /** Held out to judge each step by. */
      heldOut: z.int().nonnegative(),
      isRandom: z.boolean(),
    })
    .optional(),
  warnings: z.array(z.string()).optional(),
  runtime: z.strictObject({onnxruntime: z.string()}),
  /** Against the original's outputs; decibels are null where the outputs are equal. */
  fidelity: z.strictObject({
    maxAbsoluteDifference: z.number().nonnegative(),
    samples: z.int().positive(),
    outputs: z.array(z.strictObject({name: z.string(), sqnrDb: z.number().nullable()})).optional(),
  }),
  accuracy: accuracy.optional(),
  latency: latency.optional(),
  pruning: pruning.optional(),
  /** What else was built for this target, and what decided. */
  candidates: z.array(candidate).optional(),
});

export type Build = z.infer<typeof buildSchema>;
