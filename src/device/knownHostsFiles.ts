import {randomBytes} from 'node:crypto';
import {mkdir, open, readFile, rm, stat} from 'node:fs/promises';
import {dirname} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {
  formatKnownHost,
  judgeHostKey,
  parseKnownHosts,
  type HostKey,
  type HostKeyVerdict,
  type KnownHost,
} from './knownHosts.ts';

/** Entries of all files that exist, in the order of the files. */
export async function readKnownHosts(files: readonly string[]): Promise<KnownHost[]> {
  const texts = await Promise.all(files.map(async file => parseOnce(await readTextIfThere(file), file)));
  return texts.flat();
}

/** A fleet's devices are connected to again and again, and the file names all of them. */
const parsed = new Map<string, {readonly text: string; readonly entries: readonly KnownHost[]}>();

function parseOnce(text: string, file: string): readonly KnownHost[] {
  const known = parsed.get(file);
  if (known?.text === text) return known.entries;
  const entries = parseKnownHosts(text, file);
  parsed.set(file, {text, entries});
  return entries;
}

async function readTextIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw new ExpectedError(
      'known-hosts-unreadable',
      `${file} cannot be read: ${messageOf(error)}.`,
      EXIT.unreachable,
      {cause: error},
    );
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

export interface NewHostKey {
  /** All files that may speak about the host; the line goes to `file`. */
  readonly files: readonly string[];
  readonly file: string;
  readonly names: readonly string[];
  readonly key: HostKey;
  readonly isHashed: boolean;
}

/**
 * Adds a key for a host that has none on file, and says what the files held in the end: another process may have been
 * faster, and a key that differs from the one on file is never written over it.
 * @throws ExpectedError `known-hosts-unwritable`
 */
export async function recordHostKey({
  files,
  file,
  names,
  key,
  isHashed,
}: NewHostKey): Promise<HostKeyVerdict> {
  const name = names[0];
  if (name === undefined) throw new TypeError('a host needs a name in known_hosts');
  try {
    await mkdir(dirname(file), {recursive: true, mode: 0o700});
    return await withLock(`${file}.edgewise-lock`, async () => {
      const verdict = judgeHostKey(await readKnownHosts(files), names, key);
      if (verdict.kind !== 'unknown') return verdict;
      // One write at the end of the file: ssh itself may be adding a line at the same time, and the file may be a link.
      const handle = await open(file, 'a+', 0o600);
      try {
        const {size} = await handle.stat();
        const last =
          size === 0 ? '\n' : (await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer.toString();
        const line = formatKnownHost(name, key, isHashed ? randomBytes(20) : undefined);
        await handle.write(`${last === '\n' ? '' : '\n'}${line}\n`);
        await handle.sync().catch(() => {});
      } finally {
        await handle.close();
      }
      return verdict;
    });
  } catch (error) {
    if (error instanceof ExpectedError) throw error;
    throw new ExpectedError(
      'known-hosts-unwritable',
      `The host key of ${name} cannot be added to ${file}: ${messageOf(error)}.`,
      EXIT.commandFailed,
      {
        cause: error,
      },
    );
  }
}

const STALE_LOCK_MS = 10_000;

async function withLock<T>(lockFile: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      await (await open(lockFile, 'wx', 0o600)).close();
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const lock = await stat(lockFile).catch(() => undefined);
    // Work under the lock takes milliseconds: an old one was left by a process that died.
    if (lock !== undefined && Date.now() - lock.mtimeMs > STALE_LOCK_MS) await rm(lockFile, {force: true});
    else await sleep(20 + Math.random() * 30);
  }
  try {
    return await work();
  } finally {
    await rm(lockFile, {force: true});
  }
}
