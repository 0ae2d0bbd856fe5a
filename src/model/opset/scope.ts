import {elementTypeFromOnnxCode, type ElementType} from '../../documents/elementTypes.ts';
import type {Tensor} from '../../documents/tensor.ts';
import {typeOfValueInfo} from '../graphFromModel.ts';
import type {OnnxFunction, OnnxGraph, OnnxNode, OnnxTensor} from '../onnx/messages.ts';
import {bytesOfTensor, elementTypeOfTensor} from '../onnx/tensorData.ts';
import {bodiesOf, outerNamesOf} from '../subgraphs.ts';
import type {Scope} from './conversion.ts';

export interface KnownType {
  readonly elementType?: ElementType;
  readonly shape?: readonly number[];
}

/** Operators whose (first) result has the element type of their first input: what stands before a Clip or a Pad. */
const KEEPS_TYPE = new Set(
  [
    'Abs Add AveragePool BatchNormalization Ceil Clip Concat Conv ConvTranspose CumSum DepthToSpace Div Dropout Elu Erf Exp',
    'Expand Flatten Floor Gather GatherElements GatherND Gemm GlobalAveragePool GlobalMaxPool HardSigmoid Identity',
    'InstanceNormalization LRN LSTM GRU RNN LeakyRelu Log LogSoftmax LpNormalization LpPool MatMul Max MaxPool Mean Min Mod',
    'Mul Neg PRelu Pad Pow Reciprocal ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare',
    'Relu Reshape Resize Round Scatter ScatterElements ScatterND Selu Sigmoid Sign Slice Softmax Softplus Softsign',
    'SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Upsample',
  ].flatMap(line => line.split(' ')),
);

/** What a scope needs of a graph, a body or a function. */
type Contents = Pick<OnnxGraph, 'nodes' | 'inputs' | 'outputs' | 'initializers' | 'valueInfos'>;

/**
 * What is known inside one graph; for names it does not have, `outer` is asked.
 * @param measured by tensor name, taken before what the graph declares
 */
export function openScope(
  contents: Contents,
  outer: Scope | null,
  measured: ReadonlyMap<string, KnownType>,
  freshName: Scope['freshName'],
): Scope {
  const weights = new Map(contents.initializers.map(tensor => [tensor.name, tensor]));
  const producers = new Map(contents.nodes.flatMap(node => node.outputs.map(name => [name, node] as const)));
  const declared = new Map(
    [...contents.valueInfos, ...contents.outputs, ...contents.inputs].map(info => [info.name, info]),
  );
  // One that is listed among the inputs may be overridden.
  const overridable = new Set(contents.inputs.map(({name}) => name));
  const read = new Set([
    ...contents.outputs.map(({name}) => name),
    ...contents.nodes.flatMap(node => [...node.inputs, ...outerNamesOf(node)]),
  ]);
  const typeOf = (name: string): KnownType => {
    const weight = weights.get(name);
    if (weight !== undefined) return {elementType: elementTypeOfTensor(weight), shape: weight.dims};
    const info = declared.get(name);
    return {...(info === undefined ? {} : typeOfValueInfo(info)), ...measured.get(name)};
  };
  const scope: Scope = {
    elementTypeOf(name) {
      const producer = producers.get(name);
      if (producer === undefined && !weights.has(name) && !declared.has(name)) {
        return outer?.elementTypeOf(name);
      }
      return typeOf(name).elementType ?? typeOfResult(producer, scope);
    },
    shapeOf(name) {
      const isOwn = producers.has(name) || weights.has(name) || declared.has(name);
      return isOwn ? typeOf(name).shape : outer?.shapeOf(name);
    },
    constantOf(name) {
      const weight = weights.get(name);
      if (weight !== undefined) return overridable.has(name) ? undefined : valueOfTensor(weight);
      const producer = producers.get(name);
      if (producer === undefined) return declared.has(name) ? undefined : outer?.constantOf(name);
      if (producer.operator !== 'Constant') return undefined;
      const value = producer.attributes.find(attribute => attribute.name === 'value')?.tensor;
      return value && valueOfTensor(value);
    },
    isRead: name => read.has(name),
    freshName,
  };
  return scope;
}

/** A function declares the names of its inputs and outputs only. */
export function contentsOfFunction(fn: OnnxFunction): Contents {
  const untyped = (name: string) => ({name, docString: '', metadata: [], unknown: []});
  return {
    nodes: fn.nodes,
    inputs: fn.inputs.map(untyped),
    outputs: fn.outputs.map(untyped),
    initializers: [],
    valueInfos: fn.valueInfos,
  };
}

function typeOfResult(producer: OnnxNode | undefined, scope: Scope): ElementType | undefined {
  if (producer === undefined) return undefined;
  if (producer.operator === 'Cast') {
    const code = producer.attributes.find(({name}) => name === 'to')?.int;
    return code === undefined ? undefined : elementTypeFromOnnxCode(Number(code));
  }
  const [body] = bodiesOf(producer);
  if (body !== undefined) return undefined;
  return KEEPS_TYPE.has(producer.operator) ? scope.elementTypeOf(producer.inputs[0] ?? '') : undefined;
}

function valueOfTensor(tensor: OnnxTensor): Tensor | undefined {
  if (tensor.strings.length > 0) return undefined;
  return {elementType: elementTypeOfTensor(tensor), shape: tensor.dims, bytes: bytesOfTensor(tensor)};
}
