import {z} from 'zod';
import {headerOf, sha256Digest} from './header.ts';

export const buildSchema = z.strictObject({
  ...headerOf('edgewise/build'),
  target: z.string(),
  precision: z.enum(['fp32']),
  model: z.strictObject({name: z.string(), digest: sha256Digest}),
  /** The compiled model in the store. */
  artefact: z.strictObject({
    digest: sha256Digest,
    sizeBytes: z.int().nonnegative(),
    layers: z.int().nonnegative(),
  }),
  recipe: z.array(z.strictObject({decision: z.string(), reason: z.string()})),
  runtime: z.strictObject({onnxruntime: z.string()}),
  fidelity: z.strictObject({maxAbsoluteDifference: z.number().nonnegative(), samples: z.int().positive()}),
  accuracy: z
    .strictObject({
      metric: z.literal('top-1'),
      original: z.number(),
      build: z.number(),
      samples: z.int().positive(),
    })
    .optional(),
});

export type Build = z.infer<typeof buildSchema>;
