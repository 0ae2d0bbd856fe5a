import {mkdir, rename, symlink, writeFile} from 'node:fs/promises';
import {readFileSync, watch} from 'node:fs';
import {dirname, join} from 'node:path';
import type {DeployedFallback, DeployedStep} from '../../src/documents/deployedSteps.ts';
import {releaseSchema, type PreparedCuts, type Release} from '../../src/documents/release.ts';
import type {AgentState} from '../../src/runtime/agent/agentState.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;

export const specOf = (name: string, shape: number[]) => ({name, elementType: 'float32' as const, shape});
export const spec = (name: string) => specOf(name, [1, 4]);

export interface ReleaseParts {
  readonly id: string;
  readonly port: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly head?: {
    readonly graph: Uint8Array;
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
  };
  readonly tail?: {
    readonly url: string;
    readonly modelName: string;
    readonly isPacked?: boolean;
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
  };
  /** Instead of head and tail. */
  readonly steps?: readonly DeployedStep[];
  readonly fallback?: DeployedFallback;
  readonly cuts?: PreparedCuts;
  /** Of the model's inputs and outputs; [1, 4] when left out. */
  readonly shape?: number[];
  /** The files of steps that run. */
  readonly graphs?: Readonly<Record<string, Uint8Array>>;
}

/** Writes a release as a push would, and makes it the current one. */
export async function activateRelease(home: string, parts: ReleaseParts): Promise<Release> {
  const folder = join(home, 'releases', parts.id);
  await mkdir(folder, {recursive: true});
  const graphs = {...parts.graphs, ...(parts.head && {'head.onnx': parts.head.graph})};
  const release = releaseSchema.parse({
    kind: 'edgewise/release',
    formatVersion: 1,
    madeBy: 'test',
    madeAt: '2026-01-01T00:00:00Z',
    madeFrom: {},
    id: parts.id,
    device: 'test',
    plan: DIGEST,
    runtime: DIGEST,
    endpoint: {port: parts.port},
    model: {
      name: 'net',
      inputs: parts.inputs.map(name => specOf(name, parts.shape ?? [1, 4])),
      outputs: parts.outputs.map(name => specOf(name, parts.shape ?? [1, 4])),
    },
    threads: 1,
    ...(parts.head && {
      head: {
        graph: 'head.onnx',
        inputs: parts.head.inputs.map(spec),
        outputs: parts.head.outputs.map(spec),
      },
    }),
    ...(parts.tail && {
      tail: {
        ...parts.tail,
        inputs: parts.tail.inputs.map(spec),
        outputs: parts.tail.outputs.map(spec),
      },
    }),
    ...(parts.steps && {steps: parts.steps}),
    ...(parts.fallback && {fallback: parts.fallback}),
    ...(parts.cuts && {cuts: parts.cuts}),
    files: Object.entries(graphs).map(([path, bytes]) => ({
      path,
      digest: DIGEST,
      sizeBytes: bytes.byteLength,
    })),
  });
  for (const [path, bytes] of Object.entries(graphs)) await writeFile(join(folder, path), bytes);
  await writeFile(join(folder, 'release.json'), JSON.stringify(release));
  await pointCurrentTo(home, parts.id);
  return release;
}

export async function pointCurrentTo(home: string, id: string): Promise<void> {
  const next = join(home, `.current-${id}`);
  await symlink(join('releases', id), next);
  await rename(next, join(home, 'current'));
}

export function readState(home: string): AgentState | null {
  try {
    return JSON.parse(readFileSync(join(home, 'state.json'), 'utf8')) as AgentState;
  } catch {
    return null;
  }
}

/** Waits until the agent says so in state.json. */
export function waitForState(
  home: string,
  isReached: (state: AgentState) => boolean,
  timeoutMs = 30_000,
): Promise<AgentState> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const state = readState(home);
      if (state === null || !isReached(state)) return;
      clearTimeout(timer);
      watcher.close();
      resolve(state);
    };
    const watcher = watch(home, look);
    const timer = setTimeout(() => {
      watcher.close();
      reject(new Error(`state.json after ${timeoutMs} ms: ${JSON.stringify(readState(home))}`));
    }, timeoutMs);
    look();
  });
}

export const repositoryRoot = dirname(dirname(import.meta.dirname));
export const runtimeProgram = join(repositoryRoot, 'src/runtime/main.ts');
