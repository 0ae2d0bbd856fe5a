import {z} from 'zod';
import {ELEMENT_TYPES} from './elementTypes.ts';
import {headerOf, sha256Digest} from './header.ts';

const tensorSpec = z.strictObject({
  name: z.string(),
  elementType: z.enum(ELEMENT_TYPES),
  shape: z.array(z.int().nonnegative()),
});

/** A file of a release folder: a hard link to the blob of that digest. */
const file = z.strictObject({path: z.string(), digest: sha256Digest, sizeBytes: z.int().nonnegative()});

const segment = z.strictObject({
  /** The .onnx file, relative to the release folder; its external data lies beside it. */
  graph: z.string(),
  inputs: z.array(tensorSpec),
  outputs: z.array(tensorSpec),
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
  model: z.strictObject({name: z.string(), inputs: z.array(tensorSpec), outputs: z.array(tensorSpec)}),
  threads: z.int().positive(),
  /** Absent when every layer runs in the cloud. */
  head: segment.optional(),
  /** Absent when every layer runs on the device. */
  tail: z
    .strictObject({
      url: z.url(),
      modelName: z.string(),
      inputs: z.array(tensorSpec),
      outputs: z.array(tensorSpec),
    })
    .optional(),
  files: z.array(file),
});

export type Release = z.infer<typeof releaseSchema>;
