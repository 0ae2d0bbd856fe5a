import {z} from 'zod';
import {deployedFallback, deployedFile, deployedStep, deployedTensor} from './deployedSteps.ts';
import {headerOf, sha256Digest} from './header.ts';

const segment = z.strictObject({
  /** The .onnx file, relative to the release folder; its external data lies beside it. */
  graph: z.string(),
  inputs: z.array(deployedTensor),
  outputs: z.array(deployedTensor),
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
  tail: z
    .strictObject({
      url: z.url(),
      modelName: z.string(),
      inputs: z.array(deployedTensor),
      outputs: z.array(deployedTensor),
    })
    .optional(),
  /** Absent where the device has not all layers, or nothing is asked of others. */
  fallback: deployedFallback.optional(),
  files: z.array(deployedFile),
});

export type Release = z.infer<typeof releaseSchema>;
