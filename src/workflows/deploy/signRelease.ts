import type {z} from 'zod';
import type {signedReleaseSchema} from '../../documents/deployment.ts';
import {jsonFromDocument} from '../../documents/printDocument.ts';
import type {Release} from '../../documents/release.ts';
import {manifestFromRelease} from '../../documents/releaseManifest.ts';
import {digestOfBytes} from '../../workspace/digest.ts';
import type {SigningKey} from '../../workspace/signingKey.ts';
import type {Store} from '../../workspace/store.ts';
import type {DeviceTruth} from './readDeviceTruth.ts';
import {runtimeArchitectureOf} from '../runtimeArchitecture.ts';
import type {ShippedFile} from './shipFiles.ts';

/** A release that a device can decide about: its blobs, and what is said about them under a signature. */
export interface SignedShipment {
  readonly release: Release;
  /** Blobs the device must have: the release's files, its document and its manifest. */
  readonly blobs: readonly ShippedFile[];
  /** What `admit` reads from its standard input. */
  readonly handedOver: string;
}

/** A release that was signed elsewhere, and is handed over as it came. */
export interface GivenSignature {
  readonly signed: z.infer<typeof signedReleaseSchema>;
  /** Of the OCI manifest, which lies in the store. */
  readonly manifest: string;
}

export type ReleaseSigner = SigningKey | GivenSignature;

/**
 * Signs a release for one device as it is now. The release's number is the second in which its plan was made: it grows
 * with every plan, on whichever machine, and nobody has to keep count.
 */
export async function signRelease(
  store: Store,
  {release, files}: {readonly release: Release; readonly files: readonly ShippedFile[]},
  truth: Pick<DeviceTruth, 'architecture' | 'ledger'>,
  key: ReleaseSigner,
  {allowsDowngrade}: {readonly allowsDowngrade: boolean},
): Promise<SignedShipment> {
  if ('signed' in key) {
    const {manifest: digest, signed} = key;
    const sizeBytes = await store.sizeOf(digest);
    const manifestBlob = {path: 'manifest.json', digest, sizeBytes, source: store.pathOf(digest)};
    return {release, blobs: [...files, manifestBlob], handedOver: JSON.stringify(signed)};
  }
  const document = jsonFromDocument('release', release);
  const documentFile = {digest: digestOfBytes(document), sizeBytes: Buffer.byteLength(document)};
  const manifest = manifestFromRelease(release, documentFile, release.files);
  const manifestDigest = await store.put([Buffer.from(manifest)]);
  const counter = Math.floor(Date.parse(release.madeAt) / 1000);
  const {ledger} = truth;
  const envelope = key.sign({
    kind: 'edgewise/release-statement',
    formatVersion: 1,
    release: release.id,
    manifest: manifestDigest,
    plan: release.plan,
    device: release.device,
    architecture: runtimeArchitectureOf(truth.architecture),
    counter,
    ...(allowsDowngrade && ledger !== null && counter < ledger.counter
      ? {downgrade: {challenge: ledger.challenge}}
      : {}),
  });
  const manifestBlob = {
    path: 'manifest.json',
    digest: manifestDigest,
    sizeBytes: Buffer.byteLength(manifest),
    source: store.pathOf(manifestDigest),
  };
  return {
    release,
    blobs: [...files, manifestBlob],
    handedOver: JSON.stringify({envelope, publicKey: key.publicKey}),
  };
}
