import {join} from 'node:path';
import type {NamedTensors, Tensor} from '../../../src/documents/tensor.ts';
import type {Graph} from '../../../src/model/graph.ts';
import {nameLayers} from '../../../src/model/nameLayers.ts';
import type {OnnxModel} from '../../../src/model/onnx/messages.ts';
import {writeModel} from '../../../src/model/onnx/writeModel.ts';
import {floatsOf} from '../../../src/quantize/accuracy/floatsOf.ts';
import {keepReferenceOutputs, signalToNoiseOf} from '../../../src/quantize/accuracy/signalToNoise.ts';
import {planQuantization, tensorsToMeasure} from '../../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../../src/quantize/quantizeGraph.ts';
import {collectRanges} from '../../../src/quantize/ranges/collectRanges.ts';
import type {SampleRunner} from '../../../src/quantize/sampleRunner.ts';
import {targetByName} from '../../../src/targets/targetByName.ts';
import {openModel} from '../../../src/workflows/openModel.ts';
import {prepareFloatModel, type FloatModel} from '../../../src/workflows/prepareFloatModel.ts';
import {writeAtomically} from '../../../src/workspace/writeAtomically.ts';
import type {CorpusModel} from './corpusModel.ts';
import {randomFeed, runOnSamples, sampleRunnerHere, type Feed} from './runHere.ts';

const SAMPLES = 4;

export interface CorpusResult {
  readonly layers: number;
  readonly decisions: readonly string[];
  /** Between the model's outputs and the prepared one's, relative to the largest value; integers and flags: 0 or 1. */
  readonly difference: number;
  /** Layers that compute on integers. */
  readonly quantizedLayers: number;
  /** Of the worst output, on the samples that the ranges were measured on; `null` for outputs of integers only. */
  readonly decibels: number | null;
}

/** Writes a model of the corpus into a folder. */
export async function writeCorpusModel(one: CorpusModel, folder: string): Promise<string> {
  const path = join(folder, 'model.onnx');
  const written = writeModel(
    one.build(),
    one.isExternal === true
      ? {kind: 'external', thresholdBytes: 128, nameLocation: tensor => `${tensor}.bin`}
      : {kind: 'inline'},
  );
  for (const file of written.externalFiles) await writeAtomically(join(folder, file.path), file.chunks);
  await writeAtomically(path, written.chunks);
  return path;
}

export interface CheckOptions {
  readonly shapes?: CorpusModel['shapes'];
  /** Of float inputs; 1 unless given. */
  readonly amplitude?: number;
  readonly startRunner?: (feed: Feed, sampleCount: number) => SampleRunner;
}

export const BOUNDS = {
  /** Between two ways of computing the same in float32, relative to the largest value. */
  difference: 1e-5,
  /** Noise of int8 at a thirtieth of the signal. */
  decibels: 15,
} as const;

/**
 * Prepares a model, holds it against the original, quantises it to int8 and holds that against the prepared one, all in
 * ONNX Runtime on seeded random samples.
 * @throws Error where the prepared model is not what quantisation needs, ExpectedError where anything is refused
 */
export async function checkModel(
  modelFile: string,
  folder: string,
  {shapes = {}, amplitude = 1, startRunner = sampleRunnerHere}: CheckOptions = {},
): Promise<CorpusResult> {
  const float = await prepareFloatModel({modelFile, inputShapes: shapes, temporaryFolder: folder});
  try {
    requirePrepared(float);
    const feed = randomFeed(float.inputs, amplitude);
    const original = await answersOf(await withOwnNames(modelFile, folder), feed);
    const prepared = await answersOf(await float.file(), feed);
    const difference = Math.max(
      ...original.map((answers, at) => largestDifference(answers, prepared[at] ?? {})),
    );
    return {
      layers: float.graph.layers.length,
      decisions: float.decisions.map(({decision}) => decision),
      difference,
      ...(await quantizeAndCompare(float, startRunner(feed, SAMPLES))),
    };
  } finally {
    await float.close();
  }
}

function requirePrepared({graph, model}: FloatModel): void {
  const names = graph.layers.map(({name}) => name);
  if (names.includes('') || new Set(names).size < names.length) throw new Error('layers without own names');
  const version = model.opsetImports.find(({domain}) => domain === '')?.version ?? 0;
  if (version < 13) throw new Error(`opset ${version}`);
  const untyped = [...graph.tensors.values()].find(one => one.isTensor && one.shape === undefined);
  if (untyped !== undefined) throw new Error(`tensor "${untyped.name}" has no shape`);
  const constant = graph.layers.find(
    ({operator, inputs, outerInputs}) =>
      operator !== 'DequantizeLinear' &&
      [...inputs, ...outerInputs].every(name => graph.tensors.get(name)?.isWeight === true),
  );
  if (constant !== undefined) throw new Error(`layer ${constant.name} computes a constant`);
}

/** ONNX Runtime refuses two layers of one name, which is no fault of what they compute. */
async function withOwnNames(modelFile: string, folder: string): Promise<string> {
  const opened = openModel(modelFile);
  try {
    const names = opened.model.graph.nodes.map(({name}) => name).filter(name => name !== '');
    if (new Set(names).size === names.length) return modelFile;
    const path = join(folder, 'named.onnx');
    await writeAtomically(path, writeModel(nameLayers(opened.model), {kind: 'inline'}).chunks);
    return path;
  } finally {
    opened.close();
  }
}

async function answersOf(path: string, feed: Feed): Promise<NamedTensors[]> {
  const answers: NamedTensors[] = [];
  await runOnSamples(path, 'disabled', feed, [...Array(SAMPLES).keys()], values => answers.push(values));
  return answers;
}

function largestDifference(expected: NamedTensors, found: NamedTensors): number {
  return Math.max(
    ...Object.entries(expected).map(([name, tensor]) => relativeDifference(tensor, found[name])),
  );
}

function relativeDifference(expected: Tensor, found: Tensor | undefined): number {
  const isComparable =
    found?.elementType === expected.elementType && found.shape.join() === expected.shape.join();
  if (!isComparable) return Infinity;
  if (!expected.elementType.startsWith('float'))
    return Buffer.compare(expected.bytes, found.bytes) === 0 ? 0 : 1;
  const values = floatsOf(expected);
  const others = floatsOf(found);
  let largest = Number.MIN_VALUE;
  let most = 0;
  values.forEach((value, at) => {
    const difference = Math.abs(value - (others[at] ?? NaN));
    if (Number.isNaN(difference)) most = Infinity;
    largest = Math.max(largest, Math.abs(value));
    most = Math.max(most, difference);
  });
  return most / largest;
}

/** int8 as x86 with VNNI gets it, by ranges over all samples; nothing else is done to make it good. */
export async function quantizeModel(
  graph: Graph,
  runner: SampleRunner,
): Promise<{model: OnnxModel; quantizedLayers: number}> {
  const [candidate] = targetByName('x86-vnni').recipe.candidates;
  const scheme = candidate?.scheme;
  if (scheme === null || scheme === undefined) throw new Error('the target has no int8 candidate');
  const plan = planQuantization(graph, scheme);
  const ranges = await collectRanges(graph, tensorsToMeasure(plan), runner, 'min-max');
  const quantizedLayers = plan.quantizedLayers.length;
  return {model: quantizeGraph(graph, plan, scheme, ranges), quantizedLayers};
}

async function quantizeAndCompare(
  {graph, model, outputs}: FloatModel,
  runner: SampleRunner,
): Promise<Pick<CorpusResult, 'quantizedLayers' | 'decibels'>> {
  const quantized = await quantizeModel(graph, runner);
  const reference = await keepReferenceOutputs(runner, model, {from: 0, to: SAMPLES});
  const floats = outputs.filter(({elementType}) => elementType.startsWith('float')).map(({name}) => name);
  const decibels = await signalToNoiseOf(runner, quantized.model, reference, 'fused');
  return {
    quantizedLayers: quantized.quantizedLayers,
    decibels: floats.length === 0 ? null : Math.min(...floats.map(name => decibels.get(name) ?? -Infinity)),
  };
}
