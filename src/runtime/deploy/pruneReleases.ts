import {readdir, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {envelopeSchema, statementSchema} from '../../documents/deployment.ts';
import {releaseSchema} from '../../documents/release.ts';
import {MANIFEST_TYPE, manifestSchema, RELEASE_TYPE} from '../../documents/releaseManifest.ts';
import {blobPath, readJsonFile, readLinkName, writeDurably} from './deviceFiles.ts';
import {withDeviceMutex} from './deviceMutex.ts';
import {forgetOrigin, readSwitch} from './pendingSwitch.ts';
import {passStep} from './persistedSteps.ts';

/**
 * Keeps the newest releases, and in any case those that are current, previous or part of an open switch; blobs that only
 * the others used go with them. Afterwards `index.json` says what there is, as an OCI image layout.
 */
export async function pruneReleases(home: string, keepCount: number): Promise<{removed: string[]}> {
  return withDeviceMutex(home, async () => {
    const folder = join(home, 'releases');
    const names = (await readdir(folder).catch(() => [])).filter(name => /^[0-9a-f]{16}$/.test(name));
    const aged = await Promise.all(
      names.map(async name => ({name, madeMs: (await stat(join(folder, name))).mtimeMs})),
    );
    const newest = aged.toSorted((a, b) => b.madeMs - a.madeMs).slice(0, keepCount);
    const kept = new Set([...newest.map(({name}) => name), ...(await namesInUse(home))]);
    const removed = names.filter(name => !kept.has(name));
    for (const name of removed) {
      const blobs = await blobsOf(home, name);
      await rm(join(folder, name), {recursive: true, force: true});
      await forgetOrigin(home, name);
      passStep('prune:release');
      await removeUnused(home, blobs);
      passStep('prune:blobs');
    }
    await writeIndex(home, [...kept]);
    return {removed};
  });
}

async function namesInUse(home: string): Promise<string[]> {
  const links = await Promise.all(['current', 'previous'].map(name => readLinkName(join(home, name))));
  const switches = await Promise.all(
    (['pending', 'confirming', 'reverting'] as const).map(state => readSwitch(home, state)),
  );
  return [...links, ...switches.flatMap(open => [open?.from, open?.fromPrevious, open?.to])].filter(
    name => typeof name === 'string',
  );
}

async function statementOf(folder: string) {
  const envelope = await readJsonFile(join(folder, 'envelope.json'), envelopeSchema);
  if (envelope === null) return null;
  return (
    statementSchema.safeParse(JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8'))).data ??
    null
  );
}

/** What the release is made of, the manifest and the document themselves included. */
async function blobsOf(home: string, name: string): Promise<string[]> {
  const folder = join(home, 'releases', name);
  const release = await readJsonFile(join(folder, 'release.json'), releaseSchema);
  const statement = await statementOf(folder);
  const digests = (release?.files ?? []).map(file => file.digest);
  if (statement === null) return digests;
  const manifest = await readJsonFile(blobPath(home, statement.manifest), manifestSchema);
  return [...digests, ...(manifest === null ? [] : [manifest.config.digest]), statement.manifest];
}

/** A blob that no folder links to any more has one name left, its own. */
async function removeUnused(home: string, digests: readonly string[]): Promise<void> {
  for (const digest of digests) {
    const path = blobPath(home, digest);
    const links = (await stat(path).catch(() => null))?.nlink;
    if (links === 1) await rm(path, {force: true});
  }
}

async function writeIndex(home: string, names: readonly string[]): Promise<void> {
  const manifests = [];
  for (const name of names.toSorted()) {
    const statement = await statementOf(join(home, 'releases', name));
    if (statement === null) continue;
    const path = blobPath(home, statement.manifest);
    const size = (await stat(path).catch(() => null))?.size;
    if (size === undefined) continue;
    manifests.push({
      mediaType: MANIFEST_TYPE,
      artifactType: RELEASE_TYPE,
      digest: statement.manifest,
      size,
      annotations: {'org.opencontainers.image.ref.name': name},
    });
  }
  await writeDurably(join(home, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}\n');
  const index = {schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests};
  await writeDurably(join(home, 'index.json'), `${JSON.stringify(index)}\n`);
}
