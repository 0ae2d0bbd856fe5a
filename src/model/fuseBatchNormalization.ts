import {countElements} from '../documents/elementTypes.ts';
import {
  affineOfNormalization,
  isInferenceNormalization,
  soleReaderOf,
  type Affine,
} from './batchNormalization.ts';
import {constantFloats, floatTensor, type ConstantFloats} from './constantFloats.ts';
import {freshTensorNames, type TakeName} from './freshNames.ts';
import type {Layer} from './graph.ts';
import {graphFromModel} from './graphFromModel.ts';
import {createAttribute} from './onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from './onnx/messages.ts';
import {replaceNodes} from './replaceNodes.ts';

export interface FusedModel {
  readonly model: OnnxModel;
  /** Names of the layers that are gone. */
  readonly fused: readonly string[];
}

const TAKES_IT = new Set(['Conv', 'ConvTranspose', 'Gemm']);

/**
 * Takes each BatchNormalization that alone reads a Conv, ConvTranspose or Gemm into that layer's weights and bias, where
 * all of them are constant. Weights that other layers read too are copied. One before a convolution stays: zero padding is
 * no longer zero behind it.
 */
export function fuseBatchNormalization(model: OnnxModel): FusedModel {
  const graph = graphFromModel(model);
  const constantOf = constantFloats(model);
  const takeName = freshTensorNames(model);
  const replacements = new Map<OnnxNode, readonly OnnxNode[]>();
  const added: OnnxTensor[] = [];
  const fused: string[] = [];
  for (const producer of graph.layers) {
    if (!TAKES_IT.has(producer.operator) || producer.domain !== '') continue;
    const reader = soleReaderOf(graph, producer);
    if (reader === null || !isInferenceNormalization(reader)) continue;
    const affine = affineOfNormalization(reader, constantOf);
    const changed = affine && applyAffine(producer, reader, affine, constantOf, takeName);
    if (!changed) continue;
    replacements.set(producer.node, [changed.node]).set(reader.node, []);
    added.push(...changed.weights);
    fused.push(reader.name);
  }
  return fused.length === 0 ? {model, fused} : {model: replaceNodes(model, replacements, added), fused};
}

/** The producer with the affine function in it, and its new weight and bias; `null` where they are not constant. */
function applyAffine(
  producer: Layer,
  normalization: Layer,
  {factors, offsets}: Affine,
  constantOf: (name: string | undefined) => ConstantFloats | null,
  takeName: TakeName,
): {node: OnnxNode; weights: OnnxTensor[]} | null {
  const [input = '', weightName, biasName = ''] = producer.node.inputs;
  const weight = constantOf(weightName);
  const bias =
    biasName === ''
      ? new Float64Array(factors.length)
      : biasOf(producer, constantOf(biasName), factors.length);
  const channelOf = weight && channelsOf(producer, weight.dims, factors.length);
  if (!weight || !bias || !channelOf) return null;
  const scaled = weight.values.map((value, at) => value * (factors[channelOf(at)] ?? 0));
  const shifted = Float32Array.from(
    bias,
    (value, channel) => value * (factors[channel] ?? 0) + (offsets[channel] ?? 0),
  );
  const newWeight = takeName(`${normalization.name}/weight`);
  const newBias = takeName(`${normalization.name}/bias`);
  return {
    node: {
      ...producer.node,
      inputs: [input, newWeight, newBias],
      outputs: [normalization.node.outputs[0] ?? ''],
      // Gemm's β is in the bias already.
      attributes: producer.node.attributes.map(attribute =>
        attribute.name === 'beta' ? createAttribute('beta', {float: 1}) : attribute,
      ),
    },
    weights: [floatTensor(newWeight, weight.dims, scaled), floatTensor(newBias, [shifted.length], shifted)],
  };
}

/** Which output channel the weight's element of an index belongs to; `null` where there are not that many channels. */
function channelsOf(
  {operator, node}: Layer,
  dims: readonly number[],
  count: number,
): ((at: number) => number) | null {
  if (operator === 'Gemm') {
    const isTransposed = integerOf(node, 'transB', 0) !== 0;
    const [rows = 0, columns = 0] = dims;
    if ((isTransposed ? rows : columns) !== count) return null;
    return isTransposed ? at => Math.floor(at / columns) : at => at % columns;
  }
  const kernel = countElements(dims.slice(2));
  if (operator === 'Conv') {
    const perChannel = kernel * (dims[1] ?? 0);
    return dims[0] === count ? at => Math.floor(at / perChannel) : null;
  }
  // ConvTranspose: weight [C, M / group, kernel…]; the inputs of a group make the channels of that group.
  const group = integerOf(node, 'group', 1);
  const [inputs = 0, perGroup = 0] = dims;
  if (perGroup * group !== count) return null;
  return at => {
    const ofGroup = Math.floor(Math.floor(at / (kernel * perGroup)) / (inputs / group));
    return ofGroup * perGroup + (Math.floor(at / kernel) % perGroup);
  };
}

/** The bias per channel, with Gemm's β in it; `null` where it is not one per channel, or one for all. */
function biasOf({operator, node}: Layer, bias: ConstantFloats | null, count: number): Float64Array | null {
  const isVector = bias?.dims.slice(0, -1).every(size => size === 1) ?? false;
  if (bias === null || !isVector || ![1, count].includes(bias.values.length)) return null;
  const beta = operator === 'Gemm' ? (node.attributes.find(one => one.name === 'beta')?.float ?? 1) : 1;
  const {values} = bias;
  return Float64Array.from(
    {length: count},
    (_, channel) => (values[values.length === 1 ? 0 : channel] ?? 0) * beta,
  );
}

function integerOf(node: OnnxNode, attribute: string, initial: number): number {
  return Number(node.attributes.find(({name}) => name === attribute)?.int ?? initial);
}
