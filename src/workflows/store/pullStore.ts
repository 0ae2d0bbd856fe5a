import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import {sha256Digest} from '../../documents/header.ts';
import {ociReferenceFrom, textFromOciReference} from '../../documents/ociReference.ts';
import {filesOfManifest, manifestSchema} from '../../documents/releaseManifest.ts';
import {SHIPMENT_TYPE, shipmentSchema, type ShipmentDocument} from '../../documents/shipment.ts';
import type {StorePulled} from '../../documents/storeTransfer.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {runStep, type EmitEvent} from '../../events.ts';
import {keyIdOf, signedJsonFrom, verifyEnvelope} from '../../runtime/deploy/verifyEnvelope.ts';
import {
  adoptLayoutBlob,
  beginFetching,
  notAShipment,
  readLayoutBlob,
  topOfLayout,
} from '../../workspace/imageLayout.ts';
import {readDocumentText, writeDocument} from '../../workspace/projectFolder.ts';
import {pullLayout} from '../../workspace/registryTool.ts';
import {readSigningKey, signingKeyFile} from '../../workspace/signingKey.ts';
import {digestOfBytes} from '../../workspace/digest.ts';
import {openFleet, type OpenFleet} from '../openProject.ts';
import {keepPulled} from './pulledReleases.ts';

export interface StorePullRequest {
  readonly projectPath: string;
  readonly reference: string;
  /** The first digits of the id of the key that must have signed; this machine's own without it. */
  readonly signedBy?: string | undefined;
  readonly isPlainHttp: boolean;
}

/** Fewer digits could be met by trying keys. */
const MOST_FAMILIAR_DIGITS = 16;
const LAYOUT_TAG = 'shipment';

const indexSchema = z.looseObject({
  manifests: z.tuple([z.looseObject({digest: sha256Digest})]).rest(z.unknown()),
});
const shipmentManifest = z.looseObject({
  artifactType: z.literal(SHIPMENT_TYPE),
  config: z.looseObject({digest: sha256Digest}),
});
const signedShipment = z.object({envelope: z.unknown(), publicKey: z.string()});

/**
 * Brings the releases under a tag from a registry into the project's store, for `push` and `rollout` to ship: nothing is
 * taken unless all of it is signed by the key that is named, and every byte is what the signature says.
 * @throws ExpectedError `signing-key-foreign`, `signature-invalid`, `blob-corrupted`, `not-a-shipment`,
 * `not-in-registry`, `registry-tool-missing` …
 */
export async function pullStore(request: StorePullRequest, emit: EmitEvent): Promise<StorePulled> {
  const reference = ociReferenceFrom(request.reference);
  const fleet = await openFleet(request.projectPath);
  const trusted = await trustedKeyId(request.signedBy);
  const name = textFromOciReference(reference);
  return fleet.withTemporaryFolder(async folder => {
    const had = await digestsOf(fleet);
    await beginFetching(folder, fleet.store, had);
    await runStep(emit, 'registry', `pull ${name}`, () =>
      pullLayout({reference, folder, tag: LAYOUT_TAG, isPlainHttp: request.isPlainHttp}),
    );
    const digest = await topOfLayout(folder);
    const {shipment, keyId} = await readShipment(folder, digest, trusted);
    const needed = await digestsOfShipment(folder, shipment);
    for (const each of needed) await adoptLayoutBlob(folder, fleet.store, each);
    const plans = await writePlans(fleet, shipment);
    // Last: what is remembered is there.
    await keepPulled(fleet, shipment);
    const known = new Set(had);
    return {
      reference: `oci://${name}`,
      digest,
      keyId,
      releases: shipment.releases.map(({device, release}) => ({device, release})),
      blobs: needed.size,
      newBlobs: [...needed].filter(each => !known.has(each)).length,
      ...plans,
    };
  });
}

async function trustedKeyId(signedBy: string | undefined): Promise<string | null> {
  if (signedBy === undefined) return (await readSigningKey(signingKeyFile()))?.keyId ?? null;
  if (/^[0-9a-f]{16,64}$/.test(signedBy)) return signedBy;
  throw new ExpectedError(
    'wrong-usage',
    `--signed-by takes the first ${MOST_FAMILIAR_DIGITS} or more hex digits of a key's id, not "${signedBy}".`,
    EXIT.usage,
    {hints: ['edgewise keys show']},
  );
}

async function digestsOf({store}: OpenFleet): Promise<string[]> {
  const names = await readdir(join(store.folder, 'sha256')).catch(() => []);
  return names.filter(name => /^[0-9a-f]{64}$/.test(name)).map(hex => `sha256:${hex}`);
}

/** The document under its signature, once that is known to be the trusted key's. */
async function readShipment(
  folder: string,
  indexDigest: string,
  trusted: string | null,
): Promise<{shipment: ShipmentDocument; keyId: string}> {
  const index = indexSchema.safeParse(jsonFrom(await readLayoutBlob(folder, indexDigest)));
  if (!index.success) throw notAShipment();
  const [top] = index.data.manifests;
  const manifest = shipmentManifest.safeParse(jsonFrom(await readLayoutBlob(folder, top.digest)));
  if (!manifest.success) throw notAShipment();
  const signed = signedShipment.safeParse(
    jsonFrom(await readLayoutBlob(folder, manifest.data.config.digest)),
  );
  if (!signed.success) throw notAShipment();
  const {envelope, publicKey} = signed.data;
  const keyId = keyIdOf(publicKey);
  requireTrusted(keyId, trusted);
  const shipment = shipmentSchema.safeParse(signedJsonFrom(envelope, SHIPMENT_TYPE, publicKey));
  if (!shipment.success) throw notAShipment();
  for (const release of shipment.data.releases) {
    const statement = verifyEnvelope(release.signed, {publicKey});
    const isSame =
      statement.release === release.release &&
      statement.manifest === release.manifest &&
      statement.plan === release.plan &&
      statement.device === release.device &&
      statement.architecture === release.architecture;
    if (!isSame) throw notAShipment();
  }
  return {shipment: shipment.data, keyId};
}

function requireTrusted(keyId: string, trusted: string | null): void {
  if (trusted !== null && keyId.startsWith(trusted)) return;
  const short = keyId.slice(0, MOST_FAMILIAR_DIGITS);
  throw new ExpectedError(
    'signing-key-foreign',
    trusted === null
      ? `This is signed by ${short}; there is no key here, and none was named, to compare that with.`
      : `This is signed by ${short}, not by ${trusted.slice(0, MOST_FAMILIAR_DIGITS)}.`,
    EXIT.unreachable,
    {hints: [`edgewise store pull --signed-by ${short}, if that is whom you trust`]},
  );
}

/** Everything that the releases and their companions are made of. */
async function digestsOfShipment(
  folder: string,
  {plans, releases}: ShipmentDocument,
): Promise<ReadonlySet<string>> {
  const digests = new Set(plans.map(({digest}) => digest));
  for (const {manifest: manifestDigest, golden, cloudModels, parts} of releases) {
    const manifest = manifestSchema.safeParse(jsonFrom(await readLayoutBlob(folder, manifestDigest)));
    if (!manifest.success) throw notAShipment();
    const files = [
      ...filesOfManifest(manifest.data),
      ...[...cloudModels, ...parts].flatMap(each => each.files),
    ];
    const tensors = golden.samples.flatMap(({inputs, outputs}) => [...inputs, ...outputs]);
    for (const {digest} of [...files, ...tensors, manifest.data.config]) digests.add(digest);
    digests.add(manifestDigest);
  }
  return digests;
}

/** A plan that the project has in another version is left alone: the user decides which one is meant. */
async function writePlans(
  fleet: OpenFleet,
  {plans}: ShipmentDocument,
): Promise<Pick<StorePulled, 'writtenPlans' | 'differingPlans'>> {
  const writtenPlans: string[] = [];
  const differingPlans: string[] = [];
  for (const {file, digest} of plans) {
    const path = fleet.planFile(file.replace(/\.yaml$/, ''));
    const there = await readDocumentText(path);
    if (there !== null && digestOfBytes(there) !== digest) differingPlans.push(file);
    if (there !== null) continue;
    await writeDocument(path, (await readDocumentText(fleet.store.pathOf(digest))) ?? '');
    writtenPlans.push(file);
  }
  return {writtenPlans, differingPlans};
}

function jsonFrom(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
