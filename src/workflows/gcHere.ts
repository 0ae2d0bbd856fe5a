import {readdir, readFile, rm, stat} from 'node:fs/promises';
import {join, relative, sep} from 'node:path';
import {shipmentFromJson} from '../documents/readDocument.ts';
import {digestOfFile, hexOfDigest} from '../workspace/digest.ts';
import type {OpenFleet} from './openProject.ts';

const DIGEST = /sha256:[0-9a-f]{64}/g;
/** Half-written files and folders of work that was ended; younger ones may be someone's at this moment. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;
/** Manifests are a few kilobytes; weights are not read. */
const MOST_MANIFEST_BYTES = 4e6;

/**
 * Takes away what no document of the project mentions: compiled models that are neither the newest nor named by a profile,
 * plan or build; weights and segments of no release that a plan here leads to. Whatever is gone is made again when needed.
 */
export async function collectHere(
  project: OpenFleet,
  isDryRun: boolean,
): Promise<{files: number; bytes: number}> {
  const hidden = join(project.folder, '.edgewise');
  const documents = await mentionedIn([
    project.file,
    ...(await filesBelow(project.folder, ['profiles', 'plans', 'builds', 'rollouts'])).filter(isText),
    ...(await filesBelow(hidden, null)).filter(
      file =>
        isText(file) &&
        !['store', 'tmp', 'lab', 'cache', 'pulled'].includes(relative(hidden, file).split(sep)[0] ?? ''),
    ),
  ]);
  const prepared = await preparedModels(project, documents.digests);
  const pulled = await pulledShipments(project, documents.digests);
  const used = new Set([...documents.digests, ...prepared.kept, ...pulled.kept]);
  const blobs = await filesBelow(project.store.folder, ['sha256']);
  for (const digest of await manifestsOf(blobs, documents)) used.add(digest);
  const usedHex = new Set([...used].map(hexOfDigest));

  const unused: string[] = [...prepared.unused, ...pulled.unused];
  for (const file of blobs) {
    const name = file.slice(file.lastIndexOf(sep) + 1);
    if (name.endsWith('.partial') ? await isAbandoned(file) : !usedHex.has(name)) unused.push(file);
  }
  for (const file of await filesBelow(hidden, ['tmp'])) if (await isAbandoned(file)) unused.push(file);
  let bytes = 0;
  for (const file of unused) {
    bytes += (await stat(file)).size;
    if (!isDryRun) await rm(file, {force: true});
  }
  return {files: unused.length, bytes};
}

interface Mentioned {
  readonly digests: ReadonlySet<string>;
  readonly text: string;
}

/** All digests in these files, and the digests of the files themselves: a release names its plan by it. */
async function mentionedIn(files: readonly string[]): Promise<Mentioned> {
  const digests = new Set<string>();
  const texts: string[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8');
    for (const [digest] of text.matchAll(DIGEST)) digests.add(digest);
    digests.add(await digestOfFile(file));
    texts.push(text);
  }
  return {digests, text: texts.join('\n')};
}

/** Compiled models that a document names, and the newest; the others' cache entries are of no use. */
async function preparedModels(
  project: OpenFleet,
  mentioned: ReadonlySet<string>,
): Promise<{kept: string[]; unused: string[]}> {
  const entries: {file: string; digest: string; writtenMs: number}[] = [];
  for (const file of await filesBelow(join(project.folder, '.edgewise', 'cache'), ['prepared'])) {
    const [digest] = (await readFile(file, 'utf8')).match(DIGEST) ?? [];
    if (digest !== undefined) entries.push({file, digest, writtenMs: (await stat(file)).mtimeMs});
  }
  const newest = Math.max(0, ...entries.map(({writtenMs}) => writtenMs));
  const isKept = ({digest, writtenMs}: (typeof entries)[number]): boolean =>
    mentioned.has(digest) || writtenMs === newest;
  return {
    kept: entries.filter(isKept).map(({digest}) => digest),
    unused: entries.filter(entry => !isKept(entry)).map(({file}) => file),
  };
}

/** What registries gave is kept for as long as one of its plans is here. */
async function pulledShipments(
  {pulledFolder, store}: OpenFleet,
  mentioned: ReadonlySet<string>,
): Promise<{kept: string[]; unused: string[]}> {
  const kept: string[] = [];
  const unused: string[] = [];
  for (const file of await filesBelow(pulledFolder, null)) {
    const {plans, releases} = shipmentFromJson(await readFile(file, 'utf8'), file);
    if (!plans.some(({digest}) => mentioned.has(digest))) {
      unused.push(file);
      continue;
    }
    kept.push(...((await readFile(file, 'utf8')).match(DIGEST) ?? []));
    for (const {manifest} of releases)
      if (store.has(manifest))
        kept.push(...((await readFile(store.pathOf(manifest), 'utf8')).match(DIGEST) ?? []));
  }
  return {kept, unused};
}

/** Manifests of releases made from a plan that is here, or that a document names, and everything they list. */
async function manifestsOf(blobs: readonly string[], {digests, text}: Mentioned): Promise<string[]> {
  const used: string[] = [];
  for (const file of blobs) {
    if ((await stat(file)).size > MOST_MANIFEST_BYTES) continue;
    const bytes = await readFile(file);
    if (bytes[0] !== 0x7b || !bytes.includes('"edgewise/release"')) continue;
    const manifest = bytes.toString('utf8');
    const {id, plan} = JSON.parse(manifest) as {id: string; plan: string};
    if (!digests.has(plan) && !text.includes(id)) continue;
    used.push(`sha256:${file.slice(file.lastIndexOf(sep) + 1)}`, ...(manifest.match(DIGEST) ?? []));
  }
  return used;
}

async function filesBelow(folder: string, parts: readonly string[] | null): Promise<string[]> {
  const found: string[] = [];
  for (const part of parts ?? ['.']) {
    const entries = await readdir(join(folder, part), {withFileTypes: true, recursive: true}).catch(() => []);
    for (const entry of entries) if (entry.isFile()) found.push(join(entry.parentPath, entry.name));
  }
  return found.sort();
}

function isText(file: string): boolean {
  return /\.(ya?ml|json)$/.test(file);
}

async function isAbandoned(file: string): Promise<boolean> {
  return Date.now() - (await stat(file)).mtimeMs > ABANDONED_AFTER_MS;
}
