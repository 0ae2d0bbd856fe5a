import {existsSync, globSync, mkdirSync} from 'node:fs';
import {basename, join} from 'node:path';
import {profileLayers} from '../../src/engine/profileLayers.ts';
import {median} from '../../src/engine/profileTrace.ts';
import {randomFeeds} from '../../src/engine/randomFeeds.ts';
import type {MeasuredModelWork} from '../../src/estimate/layerTimeModel.ts';
import {workOfLayers} from '../../src/estimate/layerWork.ts';
import {ignoreEvents} from '../../src/events.ts';
import {foldConstants} from '../../src/model/foldConstants.ts';
import type {Graph} from '../../src/model/graph.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {writeModel} from '../../src/model/onnx/writeModel.ts';
import {stripOverridableInitializers} from '../../src/model/stripOverridableInitializers.ts';
import {openModel} from '../../src/workflows/openModel.ts';
import {openProjectOrModel} from '../../src/workflows/openProject.ts';
import {withPreparedModel, type PreparedModel} from '../../src/workflows/prepareModel.ts';
import {runWithoutInputs} from '../../src/workflows/runWithoutInputs.ts';
import {writeAtomically} from '../../src/workspace/writeAtomically.ts';
import {withSeededWeights} from '../../test/integration/cutRecipe.ts';
import {SHARED_MODELS} from '../../test/integration/sharedModels.ts';

/** Long models are run less often: their times are steadier. */
const BUDGET_MS = 1500;
const MOST_RUNS = 60;
const LEAST_RUNS = 5;

/** A model of the corpus with its measured layers. Families share an architecture: one must not help to predict another. */
export interface BenchModel extends MeasuredModelWork {
  readonly family: string;
}

const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/resnet/i, 'resnet'],
  [/squeezenet/i, 'squeezenet'],
  [/inception/i, 'inception'],
  [/alexnet|zfnet/i, 'alexnet'],
  [/mnist_6_200|ad01/i, 'dense'],
];

/** Every fp32 model of ../shared/models as the runtime optimises it; prepared in `folder`, once. */
export async function prepareModels(folder: string): Promise<void> {
  for (const path of modelPaths()) await withModel(path, folder, async () => {});
}

/** Their layers, timed on this machine. */
export async function measureModels(folder: string, threads: number): Promise<BenchModel[]> {
  return measureEachModel(folder, threads, model => model);
}

/** The same, with what `take` makes of each and of its graph. */
export async function measureEachModel<T>(
  folder: string,
  threads: number,
  take: (measured: BenchModel, graph: Graph) => T,
): Promise<T[]> {
  const taken: T[] = [];
  for (const path of modelPaths())
    taken.push(
      await withModel(path, folder, async (prepared, file) => {
        const layers = await timeModel(prepared, file, threads);
        const model = nameOf(path);
        const family = FAMILIES.find(([pattern]) => pattern.test(model))?.[1] ?? model;
        return take({model, family, layers}, prepared.graph);
      }),
    );
  return taken;
}

async function timeModel(
  {graph, inputs}: PreparedModel,
  file: string,
  threads: number,
): Promise<BenchModel['layers']> {
  const feeds = randomFeeds(inputs, 1);
  const first = await profileLayers(file, feeds, {runs: 3, warmUps: 1, threads});
  const runs = Math.min(MOST_RUNS, Math.max(LEAST_RUNS, Math.round(BUDGET_MS / median(first.wholeRunMs))));
  const {layers} = await profileLayers(file, feeds, {runs, warmUps: Math.ceil(runs / 4), threads});
  const ms = new Map<string, number>();
  for (const layer of layers) ms.set(layer.name, (ms.get(layer.name) ?? 0) + layer.ms);
  return workOfLayers(graph).map(work => ({...work, ms: ms.get(work.name) ?? 0}));
}

function modelPaths(): string[] {
  return globSync(join(SHARED_MODELS, '*/*.onnx'))
    .filter(path => !/fp16/i.test(path))
    .sort();
}

function nameOf(path: string): string {
  return basename(path).replace(/\.onnx$/, '');
}

async function withModel<T>(
  path: string,
  folder: string,
  work: (prepared: PreparedModel, file: string) => Promise<T>,
): Promise<T> {
  const own = join(folder, nameOf(path));
  mkdirSync(own, {recursive: true});
  const model = path.includes('light-topologies') ? await seededModel(path, own) : path;
  const opened = await openProjectOrModel(own, {model, purpose: 'the model to time', hint: ''});
  const project = {...opened, project: {...opened.project, model: {file: model, inputs: batchOfOne(model)}}};
  return withPreparedModel(project, ignoreEvents, prepared =>
    work(prepared, project.store.pathOf(prepared.digest)),
  );
}

/** Constant weights make activations that processors are slow with (too small to be normal numbers). */
async function seededModel(path: string, folder: string): Promise<string> {
  const seeded = join(folder, `${nameOf(path)}.onnx`);
  if (existsSync(seeded)) return seeded;
  const opened = openModel(path);
  try {
    const folded = await foldConstants(stripOverridableInitializers(opened.model), runWithoutInputs(folder));
    await writeAtomically(seeded, writeModel(withSeededWeights(folded), {kind: 'inline'}).chunks);
    return seeded;
  } finally {
    opened.close();
  }
}

/** Sizes that the file leaves open are 1. */
function batchOfOne(path: string): Record<string, number[]> {
  const opened = openModel(path);
  try {
    const graph = graphFromModel(stripOverridableInitializers(opened.model));
    return Object.fromEntries(
      graph.inputs.map(name => [
        name,
        (graph.tensors.get(name)?.dims ?? []).map(size => (typeof size === 'number' ? size : 1)),
      ]),
    );
  } finally {
    opened.close();
  }
}
