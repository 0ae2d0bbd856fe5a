import {chmod, open, readFile, rm, statfs} from 'node:fs/promises';
import {dirname, resolve as resolvePath} from 'node:path';
import {messageOf} from '../errors.ts';
import {feedInput} from './commandInput.ts';
import {OUTPUT_LIMIT_BYTES, OutputCollector} from './commandOutput.ts';
import {
  commandTimedOutError,
  diskFullError,
  downloadFailedError,
  noSuchFileError,
  outputTooLargeError,
  unreachableError,
  uploadFailedError,
} from './deviceErrors.ts';
import type {
  CommandResult,
  Forwarding,
  Machine,
  RunOptions,
  Tunnel,
  UploadOptions,
  UploadSource,
} from './machine.ts';
import {describeArgv} from './quoteArgv.ts';
import {openUploadSource, uploadTimeoutMs} from './uploadSource.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const ENDING_MS = 1000;
const CHUNK_BYTES = 256 * 1024;

/** Groups under way in this process, of all local machines: they must not outlive it. */
const runningGroups = new Set<number>();
let endsGroupsAtExit = false;

/** The machine we run on, behaving like any other: commands and relative paths start in the home folder. */
export class LocalMachine implements Machine {
  readonly name: string;
  readonly address = 'local';
  readonly #home: string;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #groups = new Set<number>();
  #isClosed = false;

  constructor(name: string, home: string, environment: Readonly<Record<string, string | undefined>>) {
    this.name = name;
    this.#home = home;
    this.#environment = environment;
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const [program, ...args] = argv;
    if (program === undefined) throw new TypeError('an empty argv names no program');
    if (this.#isClosed) throw unreachableError(this.name, 'was closed');
    const {execa} = await import('execa');
    endGroupsAtExit();
    const {stdin} = options;
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const stdout = new OutputCollector();
    const stderr = new OutputCollector(options.onStderrLine);
    // A group of its own, so that a command that is given up takes its children with it.
    const subprocess = execa(program, args, {
      cwd: this.#home,
      env: this.#environment as Record<string, string>,
      reject: false,
      detached: true,
      buffer: false,
      encoding: 'buffer',
      ...(stdin === undefined
        ? {stdin: 'ignore' as const}
        : typeof stdin === 'string' || stdin instanceof Uint8Array
          ? {input: stdin}
          : {stdin: 'pipe' as const}),
    });
    const group = subprocess.pid;
    if (group !== undefined) {
      this.#groups.add(group);
      runningGroups.add(group);
    }
    let abortedBy: (() => Error) | undefined;
    const abort = (reason: () => Error) => {
      if (abortedBy !== undefined || group === undefined) return;
      abortedBy = reason;
      signalGroup(group, 'SIGTERM');
      setTimeout(() => signalGroup(group, 'SIGKILL'), ENDING_MS);
    };
    const collect = (collector: OutputCollector) => (chunk: Buffer) => {
      collector.push(chunk);
      if (collector.isOverLimit) abort(() => outputTooLargeError(this.name, argv, OUTPUT_LIMIT_BYTES));
    };
    subprocess.stdout.on('data', collect(stdout));
    subprocess.stderr.on('data', collect(stderr));
    const timer = setTimeout(
      () => abort(() => commandTimedOutError(this.name, argv, timeoutMs, stderr.text())),
      timeoutMs,
    );
    if (typeof stdin === 'object' && !(stdin instanceof Uint8Array) && subprocess.stdin !== null) {
      feedInput(subprocess.stdin, stdin).catch((error: unknown) => abort(() => error as Error));
    }
    const result = await subprocess;
    clearTimeout(timer);
    if (group !== undefined) {
      this.#groups.delete(group);
      runningGroups.delete(group);
    }
    if (abortedBy !== undefined) throw abortedBy();
    if (this.#isClosed) throw unreachableError(this.name, `was closed while ${describeArgv(argv)} ran`);
    if (group === undefined) {
      // What a shell on a device would answer, so that callers need to know one form only.
      const isMissing = result.code === 'ENOENT';
      return {
        argv,
        exitStatus: isMissing ? 127 : 126,
        signal: null,
        stdout: '',
        stderr: `${program}: ${isMissing ? 'not found' : messageOf(result.cause)}\n`,
      };
    }
    const signal = result.signal ?? null;
    return {argv, exitStatus: result.exitCode ?? null, signal, stdout: stdout.text(), stderr: stderr.end()};
  }

  async upload(source: UploadSource, remotePath: string, options: UploadOptions = {}): Promise<void> {
    const path = resolvePath(this.#home, remotePath);
    const content = await openUploadSource(source);
    const deadline = performance.now() + (options.timeoutMs ?? uploadTimeoutMs(content.sizeBytes));
    try {
      const handle = await open(path, 'w', options.mode ?? 0o644);
      try {
        for (let position = 0; position < content.sizeBytes;) {
          if (performance.now() > deadline) throw new Error('it took too long');
          const chunk = await content.readChunk(position, CHUNK_BYTES);
          await handle.write(chunk, 0, chunk.length, position);
          position += chunk.length;
          options.onProgress?.(position);
        }
        await handle.sync();
      } catch (error) {
        await handle.close();
        await rm(path, {force: true});
        throw error;
      }
      await handle.close();
      if (options.mode !== undefined) await chmod(path, options.mode);
    } catch (error) {
      if (codeOf(error) !== 'ENOSPC') throw uploadFailedError(this.name, path, messageOf(error), error);
      const {bavail, bsize} = await statfs(dirname(path));
      throw diskFullError(this.name, path, bavail * bsize, content.sizeBytes, error);
    } finally {
      await content.close();
    }
  }

  async download(remotePath: string): Promise<Uint8Array> {
    const path = resolvePath(this.#home, remotePath);
    try {
      return await readFile(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') throw noSuchFileError(this.name, path, error);
      throw downloadFailedError(this.name, path, messageOf(error), error);
    }
  }

  /** The port itself: it already is on this machine's loopback. */
  async openTunnel(remotePort: number): Promise<Tunnel> {
    return {localPort: remotePort, close: async () => {}};
  }

  async askForwarding(): Promise<Forwarding> {
    return {kind: 'allowed'};
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const group of this.#groups) signalGroup(group, 'SIGTERM');
  }
}

function endGroupsAtExit(): void {
  if (endsGroupsAtExit) return;
  endsGroupsAtExit = true;
  process.once('exit', () => {
    for (const group of runningGroups) signalGroup(group, 'SIGKILL');
  });
}

function signalGroup(group: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-group, signal);
  } catch {
    // It has ended by itself.
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
