import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {InferenceSession, Tensor as OrtTensor} from 'onnxruntime-node';
import {countElements} from '../../src/documents/elementTypes.ts';
import type {NamedTensors, Tensor, TensorSpec} from '../../src/documents/tensor.ts';
import {ortTensorFromTensor, tensorFromOrtTensor} from '../../src/engine/ortTensors.ts';
import {randomFeeds} from '../../src/engine/randomFeeds.ts';
import {modelExposingAllTensors, withMeasuredTypes} from '../../src/model/exposeAllTensors.ts';
import {extractSegments} from '../../src/model/extractSegments.ts';
import {fixInputShapes} from '../../src/model/fixInputShapes.ts';
import {foldConstants} from '../../src/model/foldConstants.ts';
import type {Graph} from '../../src/model/graph.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {nameLayers} from '../../src/model/nameLayers.ts';
import type {OnnxModel, OnnxTensor} from '../../src/model/onnx/messages.ts';
import {modelFromSource} from '../../src/model/onnx/readModel.ts';
import {sizeOfTensorBytes, tensorFromValue} from '../../src/model/onnx/tensorData.ts';
import {bytesFromModel, writeModel} from '../../src/model/onnx/writeModel.ts';
import {pruneOpsetImports} from '../../src/model/pruneOpsetImports.ts';
import {stripOverridableInitializers} from '../../src/model/stripOverridableInitializers.ts';
import {openModelFiles} from '../../src/workspace/byteSource.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';

// As in the engine's worker: the runtime's binding sees no bytes in the Float16Array that newer versions of Node have.
Reflect.deleteProperty(globalThis, 'Float16Array');

/** Weights above this size get files of their own, so that a thousand segments of one model share them. */
const OWN_FILE_BYTES = 1 << 16;

export interface PreparedModel {
  readonly graph: Graph;
  readonly feeds: NamedTensors;
  /** Folder for the segments and their weights. */
  readonly folder: string;
  /** What the whole model answers. */
  readonly expected: NamedTensors;
  close(): void;
}

/**
 * The recipe by which cuts are exact: weights off the inputs, unique names, fixed shapes, constants folded, optimised once
 * at `extended`; all parts then run at `disabled` on one thread.
 */
export async function prepareForCuts(
  path: string,
  folder: string,
  options: {seedWeights: boolean},
): Promise<PreparedModel> {
  const files = openModelFiles(path);
  const original = modelFromSource(files.source, {fileName: path, openExternal: files.openExternal});
  const named = nameLayers(stripOverridableInitializers(original));
  const fixed = fixInputShapes(named, oneSampleShapes(graphFromModel(named)));
  const folded = await foldConstants(
    fixed,
    async model => new Map(Object.entries(await runModel(model, {}, folder))),
  );
  const ready = options.seedWeights ? withSeededWeights(folded) : folded;

  const optimizedPath = join(folder, 'optimized.onnx');
  const session = await InferenceSession.create(saveModel(ready, folder, 'prepared.onnx'), {
    ...SESSION,
    graphOptimizationLevel: 'extended',
    optimizedModelFilePath: optimizedPath,
  });
  await session.release();
  files.close();

  const optimizedFiles = openModelFiles(optimizedPath);
  const optimized = modelFromSource(optimizedFiles.source, {
    fileName: optimizedPath,
    openExternal: optimizedFiles.openExternal,
  });
  const untyped = graphFromModel(pruneOpsetImports(nameLayers(stripOverridableInitializers(optimized))));
  const feeds = feedsOf(untyped, 7);
  const all = await runModel(modelExposingAllTensors(untyped), feeds, folder);
  const graph = withMeasuredTypes(untyped, new Map(Object.entries(all)));
  const expected = await runModel(graph.model, feeds, folder);
  const other = await runModel(graph.model, feedsOf(untyped, 8), folder);
  if (Object.keys(expected).every(name => compare(expected[name], other[name]).isBitwise)) {
    throw new Error(`${path} answers the same to two inputs: comparing its outputs would prove nothing`);
  }
  return {graph, feeds, folder, expected, close: () => optimizedFiles.close()};
}

export interface CutVerdict {
  readonly isBitwise: boolean;
  /** 0 where bitwise; Infinity when a value is missing or no number on one side. */
  readonly maxAbsoluteDifference: number;
}

/** Runs head and tail one after the other and compares with what the whole answers. */
export async function checkCut(
  prepared: PreparedModel,
  headLayers: ReadonlySet<number>,
): Promise<CutVerdict> {
  const {graph, feeds, folder, expected} = prepared;
  const segments = extractSegments(graph, headLayers);
  const known: Record<string, Tensor> = {...feeds};
  if (segments.head)
    Object.assign(known, await runModel(segments.head, pick(known, segments.headInputs), folder));
  if (segments.tail)
    Object.assign(known, await runModel(segments.tail, pick(known, segments.tailInputs), folder));
  const verdicts = graph.outputs.map(name => compare(expected[name], known[name]));
  return {
    isBitwise: verdicts.every(verdict => verdict.isBitwise),
    maxAbsoluteDifference: Math.max(0, ...verdicts.map(verdict => verdict.maxAbsoluteDifference)),
  };
}

/** Every cut in the order of the layers, both ends included. */
export function chainCutsOf(graph: Graph): ReadonlySet<number>[] {
  return Array.from(
    {length: graph.layers.length + 1},
    (_, position) => new Set(Array.from({length: position}, (__, index) => index)),
  );
}

/** A set of layers that holds, with each layer, all it depends on; the same for the same seed. */
export function randomDownClosedSet(graph: Graph, seed: number): ReadonlySet<number> {
  const next = seededNumbers(seed);
  const target = Math.floor(next() * (graph.layers.length + 1));
  const chosen = new Set<number>();
  const producersOf = graph.layers.map(layer =>
    [...layer.inputs, ...layer.outerInputs].flatMap(name => graph.tensors.get(name)?.producer ?? []),
  );
  while (chosen.size < target) {
    const ready = graph.layers.filter(
      ({index}) => !chosen.has(index) && producersOf[index]!.every(producer => chosen.has(producer)),
    );
    chosen.add(ready[Math.floor(next() * ready.length)]!.index);
  }
  return chosen;
}

/** Runs a model through files in `folder`, single-threaded and without optimisation. */
export async function runModel(
  model: OnnxModel,
  feeds: NamedTensors,
  folder: string,
): Promise<Record<string, Tensor>> {
  const isLarge = model.graph.initializers.some(tensor => sizeOfTensorBytes(tensor) >= OWN_FILE_BYTES);
  const source = isLarge ? saveModel(model, folder, 'segment.onnx') : bytesFromModel(model);
  const session = await InferenceSession.create(source as string, {
    ...SESSION,
    graphOptimizationLevel: 'disabled',
  });
  try {
    const ortFeeds = Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => [name, ortTensorFromTensor(OrtTensor, name, tensor)]),
    );
    const results = await session.run(ortFeeds);
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [name, tensorFromOrtTensor(tensor)]),
    );
  } finally {
    await session.release();
  }
}

const SESSION = {intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3} as const;

/** Large weights become files named by their digest, written once however many segments use them. */
function saveModel(model: OnnxModel, folder: string, fileName: string): string {
  mkdirSync(folder, {recursive: true});
  const digests = digestsOf(folder);
  const written = writeModel(model, {
    kind: 'external',
    thresholdBytes: OWN_FILE_BYTES,
    nameLocation: (name, chunks) => {
      const known = digests.get(name);
      if (known !== undefined) return known;
      const hash = createHash('sha256');
      for (const chunk of chunks) hash.update(chunk);
      const digest = hash.digest('hex');
      // Only what the optimiser wrote keeps its name and value from here on.
      if (fileName === 'segment.onnx') digests.set(name, digest);
      return digest;
    },
  });
  for (const external of written.externalFiles) {
    const path = join(folder, external.path);
    if (!existsSync(path))
      writeFileSync(path, Buffer.concat([...external.chunks].map(chunk => Uint8Array.from(chunk))));
  }
  const path = join(folder, fileName);
  writeFileSync(path, Buffer.concat([...written.chunks].map(chunk => Uint8Array.from(chunk))));
  return path;
}

const digestsByFolder = new Map<string, Map<string, string>>();

function digestsOf(folder: string): Map<string, string> {
  const known = digestsByFolder.get(folder) ?? new Map<string, string>();
  digestsByFolder.set(folder, known);
  return known;
}

function compare(expected: Tensor | undefined, found: Tensor | undefined): CutVerdict {
  const none = {isBitwise: false, maxAbsoluteDifference: Infinity};
  if (expected === undefined || found === undefined) return none;
  if (expected.elementType !== found.elementType || expected.shape.join() !== found.shape.join()) return none;
  if (Buffer.compare(expected.bytes, found.bytes) === 0) return {isBitwise: true, maxAbsoluteDifference: 0};
  if (expected.elementType !== 'float32') return none;
  const left = new Float32Array(expected.bytes.slice().buffer);
  const right = new Float32Array(found.bytes.slice().buffer);
  let most = 0;
  left.forEach((value, index) => {
    const difference = Math.abs(value - right[index]!);
    most = Math.max(most, Number.isNaN(difference) ? Infinity : difference);
  });
  return {isBitwise: false, maxAbsoluteDifference: most};
}

function pick(tensors: NamedTensors, names: readonly string[]): NamedTensors {
  return Object.fromEntries(names.map(name => [name, tensors[name]!]));
}

function oneSampleShapes(graph: Graph): Record<string, number[]> {
  return Object.fromEntries(
    graph.inputs.map(name => [
      name,
      graph.tensors.get(name)!.dims!.map(dim => (typeof dim === 'number' ? dim : 1)),
    ]),
  );
}

function feedsOf(graph: Graph, seed: number): NamedTensors {
  return randomFeeds(
    graph.inputs.map(name => specOf(graph, name)),
    seed,
  );
}

function specOf(graph: Graph, name: string): TensorSpec {
  const tensor = graph.tensors.get(name)!;
  return {name, elementType: tensor.elementType!, shape: tensor.shape!};
}

/**
 * Float weights of more than one value redrawn, so that outputs depend on the input: the light topologies have one constant
 * for all. Kernels and matrices keep the variance (half of it with a relu, lest residual networks
 * saturate their softmax), scales and variances around 1, the rest around 0.
 */
export function withSeededWeights(model: OnnxModel): OnnxModel {
  const uses = new Map<string, {operator: string; place: number}>();
  for (const {operator, inputs} of model.graph.nodes)
    inputs.forEach((name, place) => uses.set(name, {operator, place}));
  const initializers = model.graph.initializers.map((tensor, seed): OnnxTensor => {
    const count = countElements(tensor.dims);
    const use = uses.get(tensor.name);
    if (tensor.elementTypeCode !== 1 || count < 2 || use === undefined) return tensor;
    const next = seededNumbers(seed + 1);
    const isKernel = ['Conv', 'Gemm', 'MatMul'].includes(use.operator) && use.place === 1;
    const isScale =
      use.operator === 'Mul' || (use.operator === 'BatchNormalization' && [1, 4].includes(use.place));
    const fanIn = use.operator === 'MatMul' ? tensor.dims[0]! : countElements(tensor.dims.slice(1));
    const [center, bound] = isKernel ? [0, Math.sqrt(3 / fanIn)] : isScale ? [1, 0.5] : [0, 0.1];
    const values = Float32Array.from({length: count}, () => center + (2 * next() - 1) * bound);
    return tensorFromValue(tensor.name, {
      elementType: 'float32',
      shape: tensor.dims,
      bytes: new Uint8Array(values.buffer),
    });
  });
  return {...model, graph: {...model.graph, initializers}};
}
