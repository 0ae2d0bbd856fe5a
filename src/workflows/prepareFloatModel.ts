import {mkdtemp, rm} from 'node:fs/promises';
import {basename, join} from 'node:path';
import type {TensorSpec} from '../documents/tensor.ts';
import {absorbScaling} from '../model/absorbScaling.ts';
import {assumeBatchOfOne} from '../model/assumeBatchOfOne.ts';
import {declareOutputs} from '../model/declareOutputs.ts';
import {dropUnused} from '../model/dropUnused.ts';
import {withMeasuredTypes, type MeasuredType} from '../model/exposeAllTensors.ts';
import {fixInputShapes} from '../model/fixInputShapes.ts';
import {foldConstants} from '../model/foldConstants.ts';
import {fuseBatchNormalization} from '../model/fuseBatchNormalization.ts';
import type {Graph} from '../model/graph.ts';
import {graphFromModel} from '../model/graphFromModel.ts';
import {inputSpecs} from '../model/inputSpecs.ts';
import {nameLayers} from '../model/nameLayers.ts';
import type {OnnxModel} from '../model/onnx/messages.ts';
import {writeModel} from '../model/onnx/writeModel.ts';
import {OLDEST_TARGET, raiseOpset, standardOpset} from '../model/opset/raiseOpset.ts';
import {replaceSums} from '../model/replaceSums.ts';
import {stripOverridableInitializers} from '../model/stripOverridableInitializers.ts';
import {widenHalfPrecision} from '../model/widenHalfPrecision.ts';
import {explainRejection} from './explainRejection.ts';
import {completeTypes} from './measureTypes.ts';
import {digestOfModel, openModel, type OpenModel} from './openModel.ts';
import {inferTypes, openOptimizedModel} from './optimizedModel.ts';
import {runWithoutInputs} from './runWithoutInputs.ts';
import {INLINE_BYTES, isSmall, storeWeights, writeBesideWeights} from './storeWeights.ts';

export interface FloatModelRequest {
  readonly modelFile: string;
  /** By input name, for those that leave sizes open. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** For the prepared model; it needs as much room as the weights twice. */
  readonly temporaryFolder: string;
  /** Of the standard operators, at least; 13 unless given. */
  readonly opset?: number;
}

export interface Decision {
  readonly decision: string;
  readonly reason: string;
}

/** A model that quantisation can start from; it computes what the user's model computes. */
export interface FloatModel {
  /** Its weights are in memory when they are few, else ranges of files that are open until `close`. */
  readonly model: OnnxModel;
  /** The path of a file of the same, until `close`; weights that do not fit into one lie beside it. */
  file(): Promise<string>;
  /** With the type and shape of every tensor. */
  readonly graph: Graph;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly decisions: readonly Decision[];
  /** Of the user's model, its external data included. */
  readonly modelDigest: string;
  readonly originalSizeBytes: number;
  /** Removes the files. */
  close(): Promise<void>;
}

type OpenFloatModel = Pick<FloatModel, 'model' | 'file' | 'graph' | 'inputs' | 'outputs'> & OpenModel;

type Decide = (decision: string, reason: string) => void;

/**
 * Prepares a model for quantisation: fixed shapes, named layers, float32, folded constants, opset 13 or later, fused at
 * the portable level, with every decision and its reason.
 * @throws ExpectedError `no-such-file`, `not-an-onnx-model`, `external-data-missing`, `input-shape-missing`,
 * `input-shape-conflict`, `operator-unsupported`, `opset-unsupported`, `model-rejected`, `model-run-failed` …
 */
export async function prepareFloatModel(request: FloatModelRequest): Promise<FloatModel> {
  const {modelFile} = request;
  const decisions: Decision[] = [];
  const decide: Decide = (decision, reason) => void decisions.push({decision, reason});
  const source = openModel(modelFile, INLINE_BYTES);
  try {
    const folder = await mkdtemp(join(request.temporaryFolder, 'float-'));
    // Computed while the runtime works.
    const digested = digestOfModel(modelFile, source.model);
    digested.catch(() => {});
    try {
      const closed = closeModel(source.model, request.inputShapes, decide);
      const opened = await explainRejection(closed, basename(modelFile), () =>
        rewriteModel(closed, request.opset ?? OLDEST_TARGET, folder, decide),
      );
      return {
        ...opened,
        decisions,
        modelDigest: await digested,
        originalSizeBytes: sizeOfFiles(source.model),
        async close() {
          opened.close();
          await rm(folder, {recursive: true, force: true});
        },
      };
    } catch (error) {
      await rm(folder, {recursive: true, force: true});
      throw error;
    }
  } finally {
    source.close();
  }
}

/** What needs no runtime: named layers, weights that nobody overrides, fixed shapes, nothing that no output needs. */
function closeModel(original: OnnxModel, given: FloatModelRequest['inputShapes'], decide: Decide): OnnxModel {
  const stripped = stripOverridableInitializers(original);
  if (stripped !== original) {
    decide('weights are no longer inputs', 'what a caller may override can neither be folded nor quantised');
  }
  const assumed = assumeBatchOfOne(stripped, given);
  for (const [input, shape] of Object.entries(assumed)) {
    decide(
      `input ${input} is [${shape.join(', ')}]`,
      'the model leaves the batch open and no shape was given: one sample a request',
    );
  }
  const fixed = fixInputShapes(nameLayers(stripped), {...assumed, ...given});
  const used = dropUnused(fixed);
  const dropped = fixed.graph.nodes.length - used.graph.nodes.length;
  if (dropped > 0) decide(`drop ${counted(dropped, 'layer')}`, 'no output depends on them');
  return used;
}

async function rewriteModel(
  closed: OnnxModel,
  opset: number,
  folder: string,
  decide: Decide,
): Promise<OpenFloatModel> {
  const widened = widenHalfPrecision(closed);
  if (widened !== closed) {
    decide('float16 becomes float32', 'integers are made of float32; inputs and outputs keep their type');
  }
  const folded = await foldConstants(widened, runWithoutInputs(folder));
  const constants = widened.graph.nodes.length - folded.graph.nodes.length;
  if (constants > 0) decide(`fold ${counted(constants, 'constant layer')}`, 'weights must be constants');
  const stored = await storeWeights(folded, folder);
  try {
    const raised = replaceSums(await raise(stored.model, opset, folder, decide));
    const optimized = await openOptimizedModel(raised, folder, 'basic');
    decide('graph optimisation level basic', 'portable: only operators that every runtime knows');
    try {
      return await fuseAndType(optimized.model, optimized.types, folder, decide);
    } finally {
      optimized.close();
    }
  } finally {
    await stored.close();
  }
}

/** Fusing takes tensors away and changes none, so that types found before hold after. */
async function fuseAndType(
  model: OnnxModel,
  inferred: ReadonlyMap<string, MeasuredType>,
  folder: string,
  decide: Decide,
): Promise<OpenFloatModel> {
  const types = await completeTypes(graphFromModel(model), inferred, folder);
  const path = join(folder, 'float.onnx');
  const fused = declareOutputs(fuse(model, types, decide), types);
  let writing: Promise<void> | null = null;
  const file = async (): Promise<string> => {
    writing ??= writeBesideWeights(fused, path);
    await writing;
    return path;
  };
  // Not every recipe asks for the file of a small model.
  const opened: OpenModel = isSmall(fused) ? {model: fused, close() {}} : openModel(await file());
  const graph = withMeasuredTypes(graphFromModel(opened.model), types);
  return {
    model: opened.model,
    file,
    graph,
    inputs: inputSpecs(graph),
    outputs: outputSpecs(graph),
    close: () => opened.close(),
  };
}

/** What the runtime's own level leaves. */
function fuse(model: OnnxModel, types: ReadonlyMap<string, MeasuredType>, decide: Decide): OnnxModel {
  const absorbed = absorbScaling(model, types);
  if (absorbed.fused.length > 0) {
    decide(
      `fuse ${counted(absorbed.fused.length, 'scaling')} into BatchNormalization`,
      'a factor and an offset per channel after a factor and an offset per channel',
    );
  }
  const {model: fused, fused: normalizations} = fuseBatchNormalization(absorbed.model);
  if (normalizations.length > 0) {
    decide(
      `fuse ${counted(normalizations.length, 'BatchNormalization')}`,
      "a factor and an offset per channel go into the layer's weights and bias",
    );
  }
  return fused;
}

/** Typed before, so that what the runtime does not know is refused as that, and conversions know types and shapes. */
async function raise(model: OnnxModel, atLeast: number, folder: string, decide: Decide): Promise<OnnxModel> {
  const from = standardOpset(model);
  if (from === undefined || from >= atLeast) return raiseOpset(model, atLeast).model;
  const graph = graphFromModel(model);
  const types = await completeTypes(graph, await inferTypes(model, folder), folder);
  const typed = withMeasuredTypes(graph, types);
  const {model: raised, conversions} = raiseOpset(model, atLeast, typed.tensors);
  const counts = new Map<string, number>();
  for (const {what} of conversions) counts.set(what, (counts.get(what) ?? 0) + 1);
  const rewritten = [...counts].map(([what, count]) => `${what} (${counted(count, 'layer')})`);
  decide(
    `raise opset ${from} to ${atLeast}`,
    [`scales per ${atLeast > OLDEST_TARGET ? 'block' : 'channel'} need ${atLeast}`, ...rewritten].join('; '),
  );
  // The constants that attributes became.
  return foldConstants(raised, runWithoutInputs(folder));
}

function outputSpecs(graph: Graph): TensorSpec[] {
  return graph.outputs.flatMap(name => {
    const {elementType, shape} = graph.tensors.get(name) ?? {};
    return elementType === undefined || shape === undefined ? [] : [{name, elementType, shape}];
  });
}

function sizeOfFiles(model: OnnxModel): number {
  const {sizeBytes, externalFiles} = writeModel(model, {kind: 'keep'});
  return externalFiles.reduce((sum, file) => sum + file.sizeBytes, sizeBytes);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
