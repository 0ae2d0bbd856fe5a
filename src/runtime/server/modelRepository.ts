import {mkdir, open, readdir, rename, rm} from 'node:fs/promises';
import {randomBytes} from 'node:crypto';
import {dirname, join} from 'node:path';
import {openSession, type Session} from '../../engine/session.ts';
import type {SessionOptions} from '../../engine/workerMessages.ts';
import {ExpectedError, messageOf} from '../../errors.ts';
import {ProtocolError} from '../protocol/protocolError.ts';
import {isModelFilePath} from './routes.ts';
import type {ModelControl, ModelState, ServedModel} from './servedModels.ts';
import {drainModel} from './drainModel.ts';
import {makeSessionModel} from './sessionModel.ts';

interface LoadedModel {
  readonly served: ServedModel;
  readonly path: string;
  close(): Promise<void>;
}

type Entry =
  | {readonly kind: 'loaded'; readonly model: LoadedModel}
  | {readonly kind: 'unavailable'; readonly reason: string};

/** Models in folders `<name>/<version>/model.onnx`; of several versions the highest is served. */
export interface ModelRepository extends ModelControl {
  find(name: string): ServedModel | undefined;
  pathOf(name: string): string | undefined;
  listStates(): readonly ModelState[];
  close(): Promise<void>;
}

const STAGING_PREFIX = '.staging-';
const REPLACED_PREFIX = '.replaced-';

/** Loads every model of the folder; one that fails is listed as unavailable and does not keep the others back. */
export async function openModelRepository(folder: string, options: SessionOptions): Promise<ModelRepository> {
  const entries = new Map<string, Entry>();
  const queues = new Map<string, Promise<unknown>>();

  /** Loads and unloads of one model happen one after the other. */
  const inTurn = <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const turn = (queues.get(name) ?? Promise.resolve()).then(work, work);
    queues.set(
      name,
      turn.catch(() => {}),
    );
    return turn;
  };

  const put = async (name: string, model: LoadedModel): Promise<void> => {
    const before = entries.get(name);
    entries.set(name, {kind: 'loaded', model});
    if (before?.kind === 'loaded') await before.model.close();
  };

  const loadFrom = async (name: string, modelFolder: string): Promise<LoadedModel> => {
    const version = await findLatestVersion(modelFolder);
    if (version === null)
      throw new ProtocolError(404, `there is no model '${name}' in the repository (no <version>/model.onnx)`);
    const path = join(modelFolder, version, 'model.onnx');
    return closeWhenIdle(
      name,
      version,
      join(folder, name, version, 'model.onnx'),
      await openSession({path}, options),
    );
  };

  const load = async (name: string, files: ReadonlyMap<string, Uint8Array> | null): Promise<void> => {
    try {
      if (files === null) await put(name, await loadFrom(name, join(folder, name)));
      else await replaceFolder(name, files);
    } catch (error) {
      // A model that is being served stays so when its successor does not load.
      if (entries.get(name)?.kind !== 'loaded')
        entries.set(name, {kind: 'unavailable', reason: messageOf(error)});
      if (error instanceof ExpectedError)
        throw new ProtocolError(400, `failed to load '${name}': ${error.message}`);
      throw error;
    }
  };

  /** The new files are loaded before they take the place of the old: a broken upload changes nothing. */
  const replaceFolder = async (name: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> => {
    for (const path of files.keys()) {
      if (!isModelFilePath(path))
        throw new ProtocolError(400, `'file:${path}' is not a path like <version>/model.onnx`);
    }
    const token = randomBytes(8).toString('hex');
    const staging = join(folder, STAGING_PREFIX + token);
    try {
      for (const [path, bytes] of files) await writeDurably(join(staging, path), bytes);
      const model = await loadFrom(name, staging);
      const replaced = join(folder, `${REPLACED_PREFIX}${token}-${name}`);
      const hadOne = await renameIfThere(join(folder, name), replaced);
      await rename(staging, join(folder, name));
      await put(name, model);
      if (hadOne) await rm(replaced, {recursive: true, force: true});
    } finally {
      await rm(staging, {recursive: true, force: true});
    }
  };

  await mendFolder(folder);
  for (const name of await listFolders(folder)) {
    if (name.startsWith('.')) continue;
    await load(name, null).catch(() => {});
  }

  return {
    find(name) {
      const entry = entries.get(name);
      return entry?.kind === 'loaded' ? entry.model.served : undefined;
    },
    pathOf(name) {
      const entry = entries.get(name);
      return entry?.kind === 'loaded' ? entry.model.path : undefined;
    },
    listStates: () =>
      [...entries].map(([name, entry]) =>
        entry.kind === 'loaded'
          ? {name, version: entry.model.served.version, state: 'READY', reason: ''}
          : {name, version: '', state: 'UNAVAILABLE', reason: entry.reason},
      ),
    load: (name, files) => inTurn(name, () => load(name, files)),
    unload: (name, {isRemoved = false} = {}) =>
      inTurn(name, async () => {
        const entry = entries.get(name);
        entries.set(name, {kind: 'unavailable', reason: 'unloaded'});
        if (entry?.kind === 'loaded') await entry.model.close();
        if (isRemoved) await rm(join(folder, name), {recursive: true, force: true});
        if (entry === undefined || isRemoved) entries.delete(name);
      }),
    async close() {
      const loaded = [...entries.values()].flatMap(entry => (entry.kind === 'loaded' ? [entry.model] : []));
      entries.clear();
      await Promise.all(loaded.map(model => model.close()));
    },
  };
}

/** `close` waits for the requests under way, so that replacing a model fails none of them. */
function closeWhenIdle(name: string, version: string, path: string, session: Session): LoadedModel {
  const {model, waitUntilIdle} = drainModel(makeSessionModel(name, version, session));
  return {
    path,
    served: model,
    async close() {
      await waitUntilIdle();
      await session.close();
    },
  };
}

async function findLatestVersion(modelFolder: string): Promise<string | null> {
  const versions = (await listFolders(modelFolder))
    .filter(name => /^[1-9]\d*$/.test(name))
    .sort((a, b) => Number(b) - Number(a));
  return versions[0] ?? null;
}

async function listFolders(folder: string): Promise<string[]> {
  try {
    const found = await readdir(folder, {withFileTypes: true});
    return found
      .filter(entry => entry.isDirectory() || entry.isSymbolicLink())
      .map(entry => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** After a crash: half-written uploads go, and a model that had been moved aside comes back. */
async function mendFolder(folder: string): Promise<void> {
  await mkdir(folder, {recursive: true});
  const names = await listFolders(folder);
  for (const name of names) {
    if (name.startsWith(STAGING_PREFIX)) await rm(join(folder, name), {recursive: true, force: true});
    const model = name.startsWith(REPLACED_PREFIX) ? name.slice(REPLACED_PREFIX.length + 17) : undefined;
    if (model === undefined) continue;
    if (names.includes(model)) await rm(join(folder, name), {recursive: true, force: true});
    else await rename(join(folder, name), join(folder, model));
  }
}

async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), {recursive: true});
  const file = await open(path, 'w', 0o644);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
