import {copyFile, link, mkdir, readFile, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {MANIFEST_TYPE} from '../documents/releaseManifest.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {digestOfBytes, digestOfFile, hexOfDigest} from './digest.ts';
import type {Store} from './store.ts';

// An OCI image layout in a folder of its own: what tools for registries read and write. Blobs are hard links to the store's.

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const REFERENCE_NAME = 'org.opencontainers.image.ref.name';
/** Indexes, manifests and shipments; weights are never read whole. */
const MOST_DOCUMENT_BYTES = 64 * 2 ** 20;

export interface LayoutBlob {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly source: string;
}

export interface LayoutManifest {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Lays the blobs out, with an index over the manifests under `tag`. @returns the index's digest */
export async function writeImageLayout(
  folder: string,
  tag: string,
  manifests: readonly LayoutManifest[],
  blobs: readonly LayoutBlob[],
): Promise<string> {
  await beginLayout(folder);
  for (const blob of blobs) await linkBlob(folder, blob);
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    // Nothing more may be said of them here: skopeo 1.9 would write the index anew, under another digest.
    manifests: manifests.map(({digest, sizeBytes}) => ({mediaType: MANIFEST_TYPE, digest, size: sizeBytes})),
  });
  const digest = digestOfBytes(index);
  await writeFile(blobPathIn(folder, digest), index);
  const top = {
    mediaType: INDEX_TYPE,
    digest,
    size: Buffer.byteLength(index),
    annotations: {[REFERENCE_NAME]: tag},
  };
  await writeFile(join(folder, 'index.json'), JSON.stringify({schemaVersion: 2, manifests: [top]}));
  return digest;
}

/** An empty layout to be copied into; what the store has already need not be fetched again. */
export async function beginFetching(folder: string, store: Store, digests: readonly string[]): Promise<void> {
  await beginLayout(folder);
  await writeFile(join(folder, 'index.json'), JSON.stringify({schemaVersion: 2, manifests: []}));
  for (const digest of digests) await linkBlob(folder, {digest, source: store.pathOf(digest)});
}

/** The digest of what lies there under its only name: oras lists what an index leads to as well. @throws ExpectedError `not-a-shipment` */
export async function topOfLayout(folder: string): Promise<string> {
  const {manifests} = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as {
    manifests: {digest: string; mediaType: string; annotations?: Record<string, string>}[];
  };
  const [top, other] = manifests.filter(({annotations}) => annotations?.[REFERENCE_NAME] !== undefined);
  if (other !== undefined || top?.mediaType !== INDEX_TYPE) throw notAShipment();
  return top.digest;
}

/** The bytes of a small blob. @throws ExpectedError `blob-corrupted`, `not-a-shipment` when it is missing or large */
export async function readLayoutBlob(folder: string, digest: string): Promise<string> {
  const path = blobPathIn(folder, digest);
  const stats = await stat(path).catch(() => null);
  if (stats === null || stats.size > MOST_DOCUMENT_BYTES) throw notAShipment();
  const bytes = await readFile(path);
  if (digestOfBytes(bytes) !== digest) throw corrupted(digest);
  return bytes.toString('utf8');
}

/**
 * Takes a blob of the layout into the store, once it is what its name says.
 * @throws ExpectedError `blob-corrupted`, `not-a-shipment` when it is missing
 */
export async function adoptLayoutBlob(folder: string, store: Store, digest: string): Promise<void> {
  const path = blobPathIn(folder, digest);
  if ((await stat(path).catch(() => null)) === null) throw notAShipment();
  if ((await digestOfFile(path)) !== digest) throw corrupted(digest);
  if (!store.has(digest)) await store.adopt(path);
}

export function notAShipment(): ExpectedError {
  return new ExpectedError(
    'not-a-shipment',
    'What the registry holds under that name was not pushed by edgewise, or is not whole.',
    EXIT.invalidDocument,
    {hints: ['edgewise store push oci://REGISTRY/REPOSITORY:TAG']},
  );
}

function corrupted(digest: string): ExpectedError {
  return new ExpectedError(
    'blob-corrupted',
    `Blob ${digest} is not what its name says; nothing was taken.`,
    EXIT.commandFailed,
    {hints: ['edgewise store push oci://REGISTRY/REPOSITORY:TAG']},
  );
}

const blobPathIn = (folder: string, digest: string): string =>
  join(folder, 'blobs', 'sha256', hexOfDigest(digest));

async function beginLayout(folder: string): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), {recursive: true});
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({imageLayoutVersion: '1.0.0'}));
}

async function linkBlob(
  folder: string,
  {digest, source}: Pick<LayoutBlob, 'digest' | 'source'>,
): Promise<void> {
  const path = blobPathIn(folder, digest);
  try {
    await link(source, path);
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    // Another file system, or one without hard links.
    if (code !== 'EXDEV' && code !== 'EPERM') throw error;
    await copyFile(source, path);
  }
}
