import {z} from 'zod';
import {ELEMENT_TYPES} from './elementTypes.ts';
import {sha256Digest} from './header.ts';

export const deployedTensor = z.strictObject({
  name: z.string(),
  elementType: z.enum(ELEMENT_TYPES),
  shape: z.array(z.int().nonnegative()),
});

/** A file of a release's or a part's folder: a hard link to the blob of that digest. */
export const deployedFile = z.strictObject({
  path: z.string(),
  digest: sha256Digest,
  sizeBytes: z.int().nonnegative(),
});

const run = z.strictObject({
  kind: z.literal('run'),
  /** The .onnx file, relative to the folder; its external data lies beside it. */
  graph: z.string(),
  inputs: z.array(deployedTensor),
  outputs: z.array(deployedTensor),
});

const call = z.strictObject({
  kind: z.literal('call'),
  tier: z.enum(['gateway', 'cloud']),
  machine: z.string(),
  url: z.url(),
  modelName: z.string(),
  /** Sent with the call. */
  inputs: z.array(deployedTensor),
  /** Answered by it. */
  outputs: z.array(deployedTensor),
  /** Inputs that lie there since an earlier call of the same request, and what is to lie there for later ones. */
  held: z.array(z.string()),
  keeps: z.array(z.string()),
  /** Whether it is the last of a request that takes something held. */
  isLast: z.boolean(),
  /** Whether what is sent is packed without a loss; absent in releases that were made before it could be. */
  isPacked: z.boolean().optional(),
});

/** What one machine does for a request, in this order: run layers of its own, or ask another machine. */
export const deployedStep = z.discriminatedUnion('kind', [run, call]);

/** How the device goes on by itself when a call brings no answer: from what it has by then, or from the model's inputs. */
export const deployedFallback = z.strictObject({
  steps: z.array(run),
  /** A call that takes longer than this counts as one without an answer. */
  afterMs: z.int().positive(),
});

export type DeployedFallback = z.infer<typeof deployedFallback>;
export type DeployedStep = z.infer<typeof deployedStep>;
export type DeployedCall = z.infer<typeof call>;
export type DeployedFile = z.infer<typeof deployedFile>;
