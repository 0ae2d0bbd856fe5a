import {z} from 'zod';
import {sha256Digest} from './header.ts';

// What lies on a device between two pushes, and what is said about a release under a signature. JSON, written by the
// runtime on the device (and the envelope by the controller), read by both.

export const releaseId = z.string().regex(/^[0-9a-f]{16}$/);
const hex64 = z.string().regex(/^[0-9a-f]{64}$/);

/** What the signature is over. Everything else hangs on `manifest` by digests. */
export const statementSchema = z.strictObject({
  kind: z.literal('edgewise/release-statement'),
  formatVersion: z.literal(1),
  release: releaseId,
  /** Of the OCI manifest. */
  manifest: sha256Digest,
  plan: sha256Digest,
  /** The device's name in the project. */
  device: z.string(),
  architecture: z.enum(['x64', 'arm64']),
  /** Never goes down on a device, unless `downgrade` says so. */
  counter: z.int().nonnegative(),
  /** The device's own challenge of that moment: an old permission to go down cannot be played again. */
  downgrade: z.strictObject({challenge: z.string()}).optional(),
});
export type ReleaseStatement = z.infer<typeof statementSchema>;

export const STATEMENT_TYPE = 'application/vnd.edgewise.release-statement.v1+json';

/** @see https://github.com/secure-systems-lab/dsse/blob/master/envelope.md */
export const anyEnvelopeSchema = z.strictObject({
  payloadType: z.string(),
  payload: z.base64(),
  signatures: z
    .array(z.strictObject({keyid: hex64, sig: z.base64()}))
    .min(1)
    .max(16),
});
export const envelopeSchema = anyEnvelopeSchema.extend({payloadType: z.literal(STATEMENT_TYPE)});
export type SignedEnvelope = z.infer<typeof anyEnvelopeSchema>;

/** What a controller hands over with a release: the statement under its signature, and the key for a first contact. */
export const signedReleaseSchema = z.strictObject({envelope: envelopeSchema, publicKey: z.base64()});

/** A switch that nobody has confirmed yet. Uptime and boot id, never wall time: a device's clock may jump. */
export const pendingSchema = z.strictObject({
  formatVersion: z.literal(1),
  transaction: z.string(),
  to: releaseId,
  toRuntime: hex64,
  /** `null`: nothing was current before. */
  from: releaseId.nullable(),
  fromPrevious: releaseId.nullable(),
  fromRuntime: hex64.nullable(),
  deadlineUptimeMs: z.int(),
  bootId: z.string(),
  fence: z.int(),
});
export type Pending = z.infer<typeof pendingSchema>;

/** What the device remembers about deployments. */
export const ledgerSchema = z.strictObject({
  formatVersion: z.literal(1),
  /** The highest counter of a confirmed release. */
  counter: z.int().nonnegative(),
  /** Changes with every confirmed release. */
  challenge: z.string(),
  /** Pinned at first contact: whose signatures count, and what the device is called. */
  publicKey: z.string().nullable(),
  device: z.string().nullable(),
  /**
   * Releases that had to be taken back here: `unhealthy` ones are not taken again; `unconfirmed` ones lost their
   * controller, which says nothing about them.
   */
  bad: z.array(
    z.strictObject({release: releaseId, kind: z.enum(['unhealthy', 'unconfirmed']), reason: z.string()}),
  ),
  confirmed: z.strictObject({transaction: z.string(), release: releaseId}).nullable(),
});
export type Ledger = z.infer<typeof ledgerSchema>;
