import {randomBytes} from 'node:crypto';
import {readdir, readFile, rename, rm, writeFile} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {findProgramPath} from '../programPath.ts';

/** What the agent says about itself in `state.json`; true only while `pid` of `bootId` is alive. */
export interface AgentState {
  readonly kind: 'edgewise/agent-state';
  readonly formatVersion: 1;
  readonly pid: number;
  /** Of the kernel: a pid of another boot means nothing. */
  readonly bootId: string;
  readonly startedAt: string;
  readonly changedAt: string;
  /** Counts the releases that were tried since the start, so that a caller sees that its signal was heard. */
  readonly attempts: number;
  /** Of the agent: `serving` also while a failed reload leaves the release before in place. */
  readonly status: 'starting' | 'serving' | 'failed';
  /** What is being served. */
  readonly release: string | null;
  readonly plan: string | null;
  readonly model: string | null;
  readonly port: number | null;
  /** Of the last attempt, if it failed; `release` is the one that was wanted. */
  readonly error: {readonly code: string; readonly message: string; readonly release: string | null} | null;
  /** The folder that this program runs from, which is named by the runtime's digest. */
  readonly runtime: string;
}

/** What a gateway's program says about itself in the `state.json` of its own home. */
export interface GatewayState {
  readonly kind: 'edgewise/gateway-state';
  readonly formatVersion: 1;
  readonly pid: number;
  readonly bootId: string;
  readonly startedAt: string;
  readonly changedAt: string;
  /** As of an agent: counts what it was told to load. */
  readonly attempts: number;
  readonly status: 'starting' | 'serving' | 'failed';
  readonly host: string | null;
  readonly port: number | null;
  /** Names of the parts that are served. */
  readonly parts: readonly string[];
  /** Parts that are there but did not load; the others are served all the same. */
  readonly failures: readonly {readonly part: string; readonly code: string; readonly message: string}[];
  /** Why there is no endpoint, or not the one that is wanted. */
  readonly error: {readonly code: string; readonly message: string} | null;
  readonly runtime: string;
}

export const STATE_FILE = 'state.json';

export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown')).trim();
}

/** Who writes, and since when. */
type Head = 'formatVersion' | 'pid' | 'bootId' | 'startedAt' | 'changedAt' | 'runtime';

/** For the one program that writes this home's state, from its start on. */
export async function openState<State extends AgentState | GatewayState>(
  home: string,
): Promise<{readonly bootId: string; write(state: Omit<State, Head>): Promise<void>}> {
  await removeHalfWrittenStates(home);
  const bootId = await readBootId();
  const startedAt = new Date().toISOString();
  return {
    bootId,
    write: state =>
      writeState(home, {
        ...state,
        formatVersion: 1,
        pid: process.pid,
        bootId,
        startedAt,
        changedAt: new Date().toISOString(),
        // The folder that this runs from is named by the runtime's digest.
        runtime: basename(dirname(findProgramPath())),
      }),
  };
}

/** What a power cut in the midst of a write has left. */
async function removeHalfWrittenStates(home: string): Promise<void> {
  const left = (await readdir(home)).filter(
    name => name.startsWith(`.${STATE_FILE}.`) && name.endsWith('.partial'),
  );
  for (const name of left) await rm(join(home, name), {force: true});
}

/** Readers see the state before or the state after, never a part. */
async function writeState(home: string, state: object): Promise<void> {
  const partial = join(home, `.${STATE_FILE}.${randomBytes(4).toString('hex')}.partial`);
  await writeFile(partial, `${JSON.stringify(state, null, 2)}\n`);
  await rename(partial, join(home, STATE_FILE));
}
