import {z} from 'zod';
import {deployedFile, deployedTensor} from './deployedSteps.ts';
import {releaseId, signedReleaseSchema} from './deployment.ts';
import {headerOf, sha256Digest} from './header.ts';

const goldenTensor = z.strictObject({...deployedTensor.shape, digest: sha256Digest});

const shippedRelease = z.strictObject({
  device: z.string(),
  release: releaseId,
  plan: sha256Digest,
  runtime: sha256Digest,
  architecture: z.enum(['x64', 'arm64']),
  /** Of the OCI manifest that the release's own signature is over. */
  manifest: sha256Digest,
  signed: signedReleaseSchema,
  /** Requests and the answers that every device must give to them, within the tolerance. */
  golden: z.strictObject({
    tolerance: z.number().positive(),
    samples: z.array(z.strictObject({inputs: z.array(goldenTensor), outputs: z.array(goldenTensor)})),
  }),
  /** What the cloud must serve before the device is switched, in this order. */
  cloudModels: z.array(z.strictObject({name: z.string(), graph: z.string(), files: z.array(deployedFile)})),
  /** What the gateway must serve; its document is among the files. */
  parts: z.array(z.strictObject({name: z.string(), files: z.array(deployedFile)})),
});

/** What one tag of a registry holds: releases, and all that bringing them to their devices takes besides the project. */
export const shipmentSchema = z.strictObject({
  ...headerOf('edgewise/shipment'),
  plans: z.array(
    z.strictObject({
      /** In the project's folder of plans. */
      file: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*\.yaml$/),
      digest: sha256Digest,
      sizeBytes: z.int().nonnegative(),
    }),
  ),
  releases: z.array(shippedRelease).min(1),
});

export type ShipmentDocument = z.infer<typeof shipmentSchema>;
export type ShippedRelease = z.infer<typeof shippedRelease>;

export const SHIPMENT_TYPE = 'application/vnd.edgewise.shipment.v1+json';
