import {existsSync, statSync} from 'node:fs';
import {mkdtemp, readFile, rm, mkdir} from 'node:fs/promises';
import {basename, dirname, isAbsolute, join, resolve} from 'node:path';
import {homedir} from 'node:os';
import {EXIT, ExpectedError} from '../errors.ts';
import {openStore, type Store} from './store.ts';
import {writeAtomically} from './writeAtomically.ts';

export const PROJECT_FILE = 'edgewise.yaml';

/** Where a project keeps what. Documents people review lie open; what can be made again lies in .edgewise/. */
export interface ProjectFolder {
  readonly folder: string;
  readonly file: string;
  readonly text: string;
  readonly store: Store;
  /** A path as written in edgewise.yaml: relative to it, `~` is the home folder. */
  resolve(path: string): string;
  profileFile(machine: string): string;
  buildFile(target: string): string;
  /** What a build hands out, beside its document. */
  artefactFile(name: string): string;
  planFile(device: string): string;
  /** Where journals of rollouts lie. */
  readonly rolloutFolder: string;
  /** What registries gave. */
  readonly pulledFolder: string;
  cacheFile(name: string): string;
  /** Runs `work` with a temporary folder on the store's file system and removes it afterwards. */
  withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T>;
}

/** @throws ExpectedError `project-missing` when there is no edgewise.yaml at `path`. */
export async function openProjectFolder(path: string): Promise<ProjectFolder> {
  const file = projectFileAt(path);
  return projectFolderOf(file, await readFile(file, 'utf8'));
}

/** Whether there is an edgewise.yaml at `path`. */
export function hasProjectFile(path: string): boolean {
  return existsSync(join(resolve(path), PROJECT_FILE)) || (existsSync(path) && statSync(path).isFile());
}

/** A folder that works like a project's although nothing declares it: `text` stands for its edgewise.yaml. */
export function openBareFolder(folder: string, text: string): ProjectFolder {
  return projectFolderOf(join(resolve(folder), PROJECT_FILE), text);
}

function projectFolderOf(file: string, text: string): ProjectFolder {
  const folder = dirname(file);
  const hidden = join(folder, '.edgewise');
  const store = openStore(join(hidden, 'store'));
  return {
    folder,
    file,
    text,
    store,
    resolve: relative => resolveFrom(folder, relative),
    profileFile: machine => join(folder, 'profiles', `${machine}.yaml`),
    buildFile: target => join(folder, 'builds', `${target}.yaml`),
    artefactFile: name => join(folder, 'builds', name),
    planFile: device => join(folder, 'plans', `${device}.yaml`),
    rolloutFolder: join(folder, 'rollouts'),
    pulledFolder: join(hidden, 'pulled'),
    cacheFile: name => join(hidden, 'cache', name),
    async withTemporaryFolder(work) {
      const parent = join(hidden, 'tmp');
      await mkdir(parent, {recursive: true});
      const temporary = await mkdtemp(join(parent, 'work-'));
      try {
        return await work(temporary);
      } finally {
        await rm(temporary, {recursive: true, force: true});
      }
    },
  };
}

function projectFileAt(path: string): string {
  const absolute = resolve(path);
  const isFolder = existsSync(absolute) && statSync(absolute).isDirectory();
  const file = isFolder ? join(absolute, PROJECT_FILE) : absolute;
  if (!existsSync(file)) {
    throw new ExpectedError(
      'project-missing',
      `There is no ${basename(file)} in ${dirname(file)}.`,
      EXIT.usage,
      {
        hints: ['edgewise lab up', 'edgewise plan --project DIR'],
      },
    );
  }
  return file;
}

export function resolveFrom(folder: string, path: string): string {
  if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1));
  return isAbsolute(path) ? path : join(folder, path);
}

/** @throws ExpectedError `file-missing`, naming the path as the user wrote it and what it is for. */
export function requireFile(path: string, purpose: string, exitCode: 2 | 10 = EXIT.usage): string {
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw new ExpectedError(
      'file-missing',
      `${path} (${purpose}) does not exist or is not a file.`,
      exitCode,
    );
  }
  return path;
}

/** The text of a document, or `null` when there is none yet. */
export async function readDocumentText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export async function writeDocument(path: string, text: string): Promise<void> {
  await writeAtomically(path, text);
}
