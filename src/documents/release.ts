import {z} from 'zod';
import {deployedFallback, deployedFile, deployedStep, deployedTensor} from './deployedSteps.ts';
import {headerOf, sha256Digest} from './header.ts';

const segment = z.strictObject({
  /** The .onnx file, relative to the release folder; its external data lies beside it. */
  graph: z.string(),
  inputs: z.array(deployedTensor),
  outputs: z.array(deployedTensor),
});

const tail = z.strictObject({
  url: z.url(),
  modelName: z.string(),
  inputs: z.array(deployedTensor),
  outputs: z.array(deployedTensor),
  /** Whether what is sent is packed without a loss. */
  isPacked: z.boolean().optional(),
});

/** A head and a tail that give the same answers as those of the release, with what they take as it was measured. */
const preparedCut = z.strictObject({
  /** As the plan's alternatives are named. */
  name: z.string(),
  /** The bandwidths at which this cut is the best; `null`: at every larger one too. */
  fromBytesPerSecond: z.number().nonnegative(),
  toBytesPerSecond: z.number().nonnegative().nullable(),
  /** What its calls take at the measured bandwidth in proportion to the bytes, … */
  transferMs: z.number().nonnegative(),
  /** … on the link besides, … */
  fixedLinkMs: z.number().nonnegative(),
  /** … and in the cloud. */
  cloudMs: z.number().nonnegative(),
  head: segment.optional(),
  tail: tail.optional(),
  fallback: deployedFallback.optional(),
});

/** Cuts between which the agent moves as the bandwidth of the link to the cloud changes. */
const preparedCuts = z.strictObject({
  /** Of the link upwards, when the plan was made. */
  bytesPerSecond: z.number().positive(),
  /** Ascending in bandwidth, without gaps. */
  table: z.array(preparedCut).min(2),
  /** Index of the plan's own, with which the agent begins. */
  first: z.int().nonnegative(),
});

export const releaseSchema = z.strictObject({
  ...headerOf('edgewise/release'),
  /** The first 16 hex digits of the digest of everything below; names the folder on the device. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  device: z.string(),
  plan: sha256Digest,
  runtime: sha256Digest,
  endpoint: z.strictObject({port: z.int().min(1).max(65535)}),
  /** The model as its users see it. */
  model: z.strictObject({
    name: z.string(),
    inputs: z.array(deployedTensor),
    outputs: z.array(deployedTensor),
  }),
  threads: z.int().positive(),
  /** In this order, which may come back to the device; absent in releases of two parts, which older versions made. */
  steps: z.array(deployedStep).optional(),
  /** Of releases of two parts; absent when every layer runs in the cloud. */
  head: segment.optional(),
  /** Of releases of two parts; absent when every layer runs on the device. */
  tail: tail.optional(),
  /** Absent where the device has not all layers, or nothing is asked of others. */
  fallback: deployedFallback.optional(),
  /** Only of releases of two parts, and only where another bandwidth makes another cut the best. */
  cuts: preparedCuts.optional(),
  files: z.array(deployedFile),
});

export type Release = z.infer<typeof releaseSchema>;
export type PreparedCuts = z.infer<typeof preparedCuts>;
export type PreparedCut = z.infer<typeof preparedCut>;
