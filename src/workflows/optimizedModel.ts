import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {elementTypeFromOnnxCode} from '../documents/elementTypes.ts';
import {optimizeBytes, optimizeModel} from '../engine/optimizeModel.ts';
import {declaredTypes, declareTensors} from '../model/declareTensors.ts';
import type {MeasuredType} from '../model/exposeAllTensors.ts';
import {freshTensorNames} from '../model/freshNames.ts';
import {graphFromModel} from '../model/graphFromModel.ts';
import {largeWeightsAsInputs} from '../model/largeWeightsAsInputs.ts';
import {nameLayers} from '../model/nameLayers.ts';
import {createNode} from '../model/onnx/createMessages.ts';
import type {OnnxModel, OnnxTensor} from '../model/onnx/messages.ts';
import {sizeOfTensorBytes, tensorFromValue} from '../model/onnx/tensorData.ts';
import {standardOpset} from '../model/opset/raiseOpset.ts';
import {bytesFromModel} from '../model/onnx/writeModel.ts';
import {pruneOpsetImports} from '../model/pruneOpsetImports.ts';
import {openModel, type OpenModel} from './openModel.ts';
import {INLINE_BYTES, isSmall, writeBesideWeights} from './storeWeights.ts';

/** Of a weight that is computed once more. */
const SMALL_BYTES = 2 ** 10;
const FIRST_OPSET_OF_ACOS = 7;

export interface OptimizedModel extends OpenModel {
  /** As the runtime infers them; what depends on values is left out. */
  readonly types: ReadonlyMap<string, MeasuredType>;
}

/**
 * The model as ONNX Runtime rewrites it at a portable level, its layers named and its imports those that are used. Its
 * weights, unless its file is small, are ranges of files in `folder`, open until `close`; those of the given model must lie there
 * too then.
 * @param level `disabled`: for the types alone; the model has a layer more
 * @throws ExpectedError `model-rejected`, `unsupported-tensor-type`
 */
export async function openOptimizedModel(
  model: OnnxModel,
  folder: string,
  level: 'disabled' | 'basic' | 'extended',
): Promise<OptimizedModel> {
  const input = join(folder, 'input.onnx');
  const output = join(folder, 'output.onnx');
  const declared = declareTensors(model);
  const given = level === 'disabled' ? withLayerToCast(declared) : withNeedlessLayer(declared);
  if (isSmall(model)) await optimizeBytes(bytesFromModel(given), input, output, level);
  else {
    await writeBesideWeights(given, input);
    await optimizeModel(input, output, level, 'output.weights');
    await rm(input);
  }
  const optimized = openModel(output, INLINE_BYTES);
  const named = nameLayers(pruneOpsetImports(optimized.model));
  return {
    model: declaringAs(model, named),
    types: declaredTypes(graphFromModel(named)),
    close: () => optimized.close(),
  };
}

/**
 * With a layer that reads a small weight and that nothing reads: the runtime takes it out again. A model in which it finds
 * nothing to change it writes as it was read, without the types and shapes that it inferred, and they would have to be measured.
 */
function withNeedlessLayer(model: OnnxModel): OnnxModel {
  const {graph} = model;
  const small = graph.initializers.find(
    one => one.external === undefined && sizeOfTensorBytes(one) <= SMALL_BYTES && isPlain(one),
  );
  if (small === undefined) return model;
  const takeName = freshTensorNames(model);
  const needless = createNode('Identity', [small.name], [takeName('needless')], {name: takeName('needless')});
  return {...model, graph: {...graph, nodes: [...graph.nodes, needless]}};
}

/**
 * The same for a level at which the runtime takes nothing out: a layer in half precision, for which it has no kernel, and
 * which it therefore surrounds with conversions at every level.
 */
function withLayerToCast(model: OnnxModel): OnnxModel {
  const {graph} = model;
  if ((standardOpset(model) ?? 0) < FIRST_OPSET_OF_ACOS) return model;
  const takeName = freshTensorNames(model);
  const [zero, angle] = [takeName('needless'), takeName('needless')];
  const half = tensorFromValue(zero, {elementType: 'float16', shape: [1], bytes: new Uint8Array(2)});
  const needless = createNode('Acos', [zero], [angle], {name: angle});
  return {
    ...model,
    graph: {...graph, nodes: [...graph.nodes, needless], initializers: [...graph.initializers, half]},
  };
}

/** Of a type that Identity takes in every opset. */
function isPlain(tensor: OnnxTensor): boolean {
  const type = elementTypeFromOnnxCode(tensor.elementTypeCode);
  return type === 'float32' || type === 'int64';
}

/** Files keep what their makers declared; what is declared for the runtime is not for them. */
function declaringAs(original: OnnxModel, {graph, ...rest}: OnnxModel): OnnxModel {
  const declared = new Set(original.graph.valueInfos.map(({name}) => name));
  const valueInfos = graph.valueInfos.filter(({name}) => declared.has(name));
  return {...rest, graph: {...graph, valueInfos}};
}

/**
 * Type and shape of every tensor as the runtime infers them, without running the model.
 * @throws ExpectedError `model-rejected`, `unsupported-tensor-type`
 */
export async function inferTypes(
  model: OnnxModel,
  folder: string,
): Promise<ReadonlyMap<string, MeasuredType>> {
  const opened = await openOptimizedModel(largeWeightsAsInputs(model), folder, 'disabled');
  opened.close();
  return opened.types;
}
