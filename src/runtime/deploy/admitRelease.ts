import {createHash, randomBytes} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {link, lstat, mkdir, readFile, rename, rm} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import type {Ledger, ReleaseStatement} from '../../documents/deployment.ts';
import {releaseSchema, type Release} from '../../documents/release.ts';
import {filesOfManifest, manifestSchema} from '../../documents/releaseManifest.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {blobPath, syncFolder, writeDurably} from './deviceFiles.ts';
import {readLedger, writeLedger} from './deviceLedger.ts';
import {requireFence} from './fence.ts';
import {passStep} from './persistedSteps.ts';
import {verifyEnvelope, type SignedRelease} from './verifyEnvelope.ts';

export interface AdmitOptions {
  readonly fence: number;
  readonly runtimeHex: string;
  /** Someone who may log in says so: forget which key and which name this device was bound to. */
  readonly pinsAgain: boolean;
  /** Take a release that had to be taken back here before. */
  readonly takesBad: boolean;
}

interface NamedFile {
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

const MAX_DOCUMENT_BYTES = 4 * 2 ** 20;
const MAX_FILES = 100_000;

/**
 * Decides on the device itself whether a release may ever be switched to, and lays out its folder. Nothing of what
 * is not signed for, not meant for this device, older than what it has, or not the bytes that were signed gets a folder.
 * @throws ExpectedError `signature-invalid`, `signing-key-foreign`, `release-for-another-device`, `release-downgraded`,
 * `release-known-bad`, `blob-corrupted`, `blob-missing`, `invalid-release`, `lock-lost`
 */
export async function admitRelease(
  home: string,
  signed: SignedRelease,
  options: AdmitOptions,
): Promise<{release: string; counter: number}> {
  await requireFence(home, options.fence);
  const known = await readLedger(home);
  const ledger = options.pinsAgain ? {...known, publicKey: null, device: null} : known;
  const statement = verifyEnvelope(signed, ledger);
  requireMeantForThis(statement, ledger);
  requireNoDowngrade(statement, ledger);
  if (!options.takesBad) requireNotKnownBad(statement, ledger);
  const {release, files} = await readSignedRelease(home, statement);
  if (release.runtime !== `sha256:${options.runtimeHex}`)
    throw invalidRelease(
      `release ${release.id} is for runtime ${release.runtime}, not for sha256:${options.runtimeHex}`,
    );
  for (const file of files) await checkBlob(home, file);
  if (ledger.publicKey === null || ledger.device === null) {
    await writeLedger(home, {...ledger, publicKey: signed.publicKey, device: statement.device});
    passStep('admit:pinned');
  }
  await layOut(home, statement, signed, files);
  return {release: release.id, counter: statement.counter};
}

function requireMeantForThis(statement: ReleaseStatement, ledger: Ledger): void {
  const problem =
    statement.architecture !== process.arch
      ? `for ${statement.architecture}; this device is ${process.arch}`
      : ledger.device !== null && ledger.device !== statement.device
        ? `for the device ${statement.device}; this one is ${ledger.device}`
        : null;
  if (problem === null) return;
  throw new ExpectedError(
    'release-for-another-device',
    `Release ${statement.release} is ${problem}.`,
    EXIT.invalidDocument,
    {hints: ['edgewise push PLAN --pin-again']},
  );
}

function requireNoDowngrade({release, counter, downgrade}: ReleaseStatement, ledger: Ledger): void {
  if (counter >= ledger.counter || downgrade?.challenge === ledger.challenge) return;
  throw new ExpectedError(
    'release-downgraded',
    `Release ${release} is number ${counter}; this device has had number ${ledger.counter}.`,
    EXIT.stale,
    {hints: ['edgewise plan', 'edgewise push PLAN --allow-downgrade']},
  );
}

function requireNotKnownBad({release}: ReleaseStatement, ledger: Ledger): void {
  const bad = ledger.bad.find(candidate => candidate.release === release && candidate.kind === 'unhealthy');
  if (bad === undefined) return;
  throw new ExpectedError(
    'release-known-bad',
    `Release ${release} was taken back on this device before: ${bad.reason}.`,
    EXIT.stale,
    {hints: ['edgewise push PLAN --force']},
  );
}

/** Manifest and document by their digests, and nothing in either that leads out of the release's folder. */
async function readSignedRelease(
  home: string,
  statement: ReleaseStatement,
): Promise<{release: Release; files: NamedFile[]}> {
  const manifestBytes = await readSmallBlob(home, statement.manifest);
  const manifest = manifestSchema.safeParse(jsonFrom(manifestBytes));
  if (!manifest.success) throw invalidRelease('its manifest is of another form');
  const {config} = manifest.data;
  const documentBytes = await readSmallBlob(home, config.digest);
  const parsed = releaseSchema.safeParse(jsonFrom(documentBytes));
  if (!parsed.success) throw invalidRelease('its document is of another form');
  const release = parsed.data;
  const layers = filesOfManifest(manifest.data);
  const key = ({path, digest, sizeBytes}: NamedFile): string => `${path}\n${digest}\n${sizeBytes}`;
  const isSame =
    release.id === statement.release &&
    release.plan === statement.plan &&
    release.device === statement.device &&
    layers.map(key).sort().join('\n') === release.files.map(key).sort().join('\n');
  if (!isSame) throw invalidRelease('its document, manifest and statement speak of different things');
  const files = [
    ...layers,
    {path: 'release.json', digest: config.digest, sizeBytes: documentBytes.byteLength},
    {path: 'manifest.json', digest: statement.manifest, sizeBytes: manifestBytes.byteLength},
  ];
  requireSafePaths(files);
  return {release, files};
}

function requireSafePaths(files: readonly NamedFile[]): void {
  if (files.length > MAX_FILES) throw invalidRelease(`it has ${files.length} files`);
  const seen = new Set<string>();
  for (const {path} of files) {
    const parts = path.split('/');
    const isSafe =
      path.length <= 1024 &&
      !/[\0\n\\]/.test(path) &&
      parts.length <= 16 &&
      parts.every(part => part !== '' && part !== '.' && part !== '..');
    if (!isSafe)
      throw invalidRelease(`the path ${JSON.stringify(path.slice(0, 80))} leads out of its folder`);
    if (seen.has(path) || path === 'envelope.json') throw invalidRelease(`the path ${path} is in it twice`);
    seen.add(path);
  }
}

async function readSmallBlob(home: string, digest: string): Promise<Uint8Array> {
  const path = blobPath(home, digest);
  const stats = await lstat(path).catch(() => null);
  if (stats === null) throw missing(digest);
  if (!stats.isFile() || stats.size > MAX_DOCUMENT_BYTES)
    throw invalidRelease(`blob ${digest} is no document`);
  const bytes = await readFile(path);
  if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` !== digest) {
    await rm(path, {force: true});
    throw corrupted(digest);
  }
  return bytes;
}

/** Read back from the disk: what lies there is what counts, not what was sent. A spoilt blob is removed. */
async function checkBlob(home: string, {path, digest, sizeBytes}: NamedFile): Promise<void> {
  const file = blobPath(home, digest);
  const stats = await lstat(file).catch(() => null);
  if (stats === null) throw missing(digest);
  if (!stats.isFile()) throw invalidRelease(`the blob of ${path} is no plain file`);
  const hash = createHash('sha256');
  if (stats.size === sizeBytes) await pipeline(createReadStream(file, {highWaterMark: 2 ** 20}), hash);
  if (stats.size === sizeBytes && `sha256:${hash.digest('hex')}` === digest) return;
  await rm(file, {force: true});
  throw corrupted(digest);
}

async function layOut(
  home: string,
  statement: ReleaseStatement,
  signed: SignedRelease,
  files: readonly NamedFile[],
): Promise<void> {
  const folder = join(home, 'releases', statement.release);
  const envelope = `${JSON.stringify(signed.envelope)}\n`;
  if (await isFolder(folder)) {
    await mendFolder(home, folder, files);
    await writeDurably(join(folder, 'envelope.json'), envelope);
    passStep('admit:signed');
    return;
  }
  const partial = `${folder}.partial`;
  await rm(partial, {recursive: true, force: true});
  await mkdir(partial, {recursive: true});
  const folders = new Set([partial]);
  for (const {path, digest} of files) {
    const parent = dirname(join(partial, path));
    await mkdir(parent, {recursive: true});
    folders.add(parent);
    await link(blobPath(home, digest), join(partial, path));
  }
  for (const each of folders) await syncFolder(each);
  passStep('admit:linked');
  await writeDurably(join(partial, 'envelope.json'), envelope);
  passStep('admit:signed');
  await rename(partial, folder);
  await syncFolder(dirname(folder));
  passStep('admit:named');
}

/** The folder may be the one that is served: each file that is not the checked blob is replaced by one rename. */
async function mendFolder(home: string, folder: string, files: readonly NamedFile[]): Promise<void> {
  for (const {path, digest} of files) {
    const blob = blobPath(home, digest);
    const target = join(folder, path);
    const there = await lstat(target).catch(() => null);
    if (there !== null && there.ino === (await lstat(blob)).ino) continue;
    await mkdir(dirname(target), {recursive: true});
    const next = `${target}.${randomBytes(4).toString('hex')}.partial`;
    await link(blob, next);
    await rename(next, target);
    await syncFolder(dirname(target));
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null))?.isDirectory() === true;
}

function jsonFrom(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function invalidRelease(why: string): ExpectedError {
  return new ExpectedError('invalid-release', `The release is not accepted: ${why}.`, EXIT.invalidDocument);
}

function missing(digest: string): ExpectedError {
  return new ExpectedError('blob-missing', `Blob ${digest} is not on the device.`, EXIT.commandFailed, {
    hints: ['edgewise push PLAN'],
  });
}

function corrupted(digest: string): ExpectedError {
  return new ExpectedError(
    'blob-corrupted',
    `Blob ${digest} is not what its name says; it was removed.`,
    EXIT.commandFailed,
    {hints: ['edgewise push PLAN']},
  );
}
