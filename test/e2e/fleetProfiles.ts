import {ignoreEvents} from '../../src/events.ts';
import {yamlFromDocument} from '../../src/documents/printDocument.ts';
import type {ModelTimes, Profile} from '../../src/documents/profile.ts';
import {writeHeader} from '../../src/documents/writeHeader.ts';
import {openProject} from '../../src/workflows/openProject.ts';
import {withPreparedModel} from '../../src/workflows/prepareModel.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';

/** The prepared model's layers, as every profile of it names them, with made-up times. */
export interface FleetLayers {
  readonly build: string;
  readonly modelDigest: string;
  readonly layers: readonly {readonly name: string; readonly operator: string; readonly ms: number}[];
}

/** Of the project's own model, so that plans can be made from profiles that nobody measured. */
export async function readLayers(folder: string): Promise<FleetLayers> {
  return withPreparedModel(await openProject(folder), ignoreEvents, async ({digest, modelDigest, graph}) => ({
    build: digest,
    modelDigest,
    layers: graph.layers.map(({name, operator}) => ({
      name,
      operator,
      ms: operator.includes('Conv') ? 2 : 0.2,
    })),
  }));
}

/** A device whose layers take `slowness` times as long as made up, all of it up to 4 % off, and the link up to 15 %. */
export function deviceProfile(
  name: string,
  layers: FleetLayers,
  {slowness, megabits, seed}: {slowness: number; megabits: number; seed: number},
): string {
  const noise = noiseFrom(seed);
  const bytesPerSecond = ((megabits * 1e6) / 8) * (1 + 0.15 * noise());
  return profileText(name, layers, {
    machine: {name, tier: 'device', address: `${name}.example`},
    hardware: {
      architecture: 'arm64',
      cpuModel: 'Cortex-A72',
      cores: 4,
      cpuFeatures: ['asimd'],
      memoryBytes: Math.round(8e9 * (1 + 0.05 * noise())),
      freeDiskBytes: 2e10,
      operatingSystem: 'Debian 12',
      kernel: '6.6.31',
      libc: {name: 'glibc', version: '2.36'},
    },
    models: [timesOf(layers, () => slowness * (1 + 0.04 * noise()))],
    links: [
      {
        to: 'cloud',
        fixedMs: 20 + noise(),
        roundTripMs: 20,
        upBytesPerSecond: bytesPerSecond,
        downBytesPerSecond: bytesPerSecond * 2,
        residualMs: 0.1,
        samples: 40,
        obtained: 'measured',
      },
    ],
  });
}

/** A cloud twenty times as fast as made up. */
export function cloudProfile(name: string, layers: FleetLayers): string {
  return profileText(name, layers, {
    machine: {name, tier: 'cloud', address: 'http://cloud.example:8700'},
    models: [timesOf(layers, () => 0.05)],
    links: [],
  });
}

function profileText(
  name: string,
  {build, modelDigest}: FleetLayers,
  rest: Pick<Profile, 'machine' | 'models' | 'links'> & Partial<Pick<Profile, 'hardware'>>,
): string {
  const madeFrom = {model: modelDigest, build};
  return yamlFromDocument('profile', {
    ...writeHeader('profile', {version: '0.1.0', now: new Date('2026-01-31T12:00:00Z'), madeFrom}),
    runtime: {onnxruntime: '1.30.0', node: '24.21.0'},
    ...rest,
  });
}

function timesOf({build, layers}: FleetLayers, factor: () => number): ModelTimes {
  const timed = layers.map(layer => ({...layer, ms: layer.ms * factor()}));
  const measured = {spreadMs: 0.01, runs: 30, obtained: 'measured'} as const;
  return {
    build,
    threads: 4,
    wholeRun: {...measured, medianMs: timed.reduce((sum, {ms}) => sum + ms, 0)},
    layers: timed,
    requestOverhead: {...measured, medianMs: 0.5},
    sessionOverhead: {...measured, medianMs: 0.2},
  };
}

/** Between -1 and 1, the same for the same seed. */
function noiseFrom(seed: number): () => number {
  const next = seededNumbers(seed);
  return () => 2 * next() - 1;
}
