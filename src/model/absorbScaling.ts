import {isInferenceNormalization, soleReaderOf} from './batchNormalization.ts';
import {constantFloats, floatTensor, type ConstantFloats} from './constantFloats.ts';
import {freshTensorNames} from './freshNames.ts';
import type {MeasuredType} from './exposeAllTensors.ts';
import type {FusedModel} from './fuseBatchNormalization.ts';
import type {Layer} from './graph.ts';
import {graphFromModel} from './graphFromModel.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from './onnx/messages.ts';
import {replaceNodes} from './replaceNodes.ts';

/**
 * Takes multiplications by and additions of constants per channel into the BatchNormalization that alone they read, as
 * models from Caffe have them: γ and β become factor·γ and factor·β + offset.
 * @param types of tensors, for their rank: "per channel" depends on it
 */
export function absorbScaling(
  model: OnnxModel,
  types: ReadonlyMap<string, Pick<MeasuredType, 'shape'>>,
): FusedModel {
  const graph = graphFromModel(model);
  const constantOf = constantFloats(model);
  const takeName = freshTensorNames(model);
  const replacements = new Map<OnnxNode, readonly OnnxNode[]>();
  const added: OnnxTensor[] = [];
  const fused: string[] = [];
  for (const layer of graph.layers) {
    const [input = '', scaleName, biasName, ...statistics] = layer.node.inputs;
    const scale = constantOf(scaleName)?.values;
    const bias = constantOf(biasName)?.values;
    if (!isInferenceNormalization(layer) || !scale || !bias) continue;
    const rank = types.get(layer.outputs[0] ?? '')?.shape.length;
    const scales = Float64Array.from(scale);
    const biases = Float64Array.from(bias);
    let last = layer;
    for (;;) {
      const reader = soleReaderOf(graph, last);
      const operand = reader && perChannelOperand(reader, last, constantOf, scales.length, rank);
      if (reader === null || operand === null) break;
      const isProduct = reader.operator === 'Mul';
      operand.forEach((value, channel) => {
        if (isProduct) scales[channel] = (scales[channel] ?? 0) * value;
        biases[channel] = isProduct ? (biases[channel] ?? 0) * value : (biases[channel] ?? 0) + value;
      });
      replacements.set(reader.node, []);
      fused.push(reader.name);
      last = reader;
    }
    if (last === layer) continue;
    const names = [takeName(`${layer.name}/scale`), takeName(`${layer.name}/bias`)] as const;
    added.push(floatTensor(names[0], [scales.length], Float32Array.from(scales)));
    added.push(floatTensor(names[1], [biases.length], Float32Array.from(biases)));
    replacements.set(layer.node, [
      {...layer.node, inputs: [input, ...names, ...statistics], outputs: last.node.outputs},
    ]);
  }
  return fused.length === 0 ? {model, fused} : {model: replaceNodes(model, replacements, added), fused};
}

/** What an Add or Mul adds or multiplies by, one number per channel; `null` for anything else. */
function perChannelOperand(
  reader: Layer,
  before: Layer,
  constantOf: (name: string | undefined) => ConstantFloats | null,
  channels: number,
  rank: number | undefined,
): Float32Array | null {
  if (!['Add', 'Mul'].includes(reader.operator) || reader.domain !== '') return null;
  const other = reader.node.inputs.find(name => name !== before.outputs[0]);
  const constant = constantOf(other);
  if (constant === null) return null;
  const {dims, values} = constant;
  const isScalar = values.length === 1 && dims.length <= (rank ?? 0);
  if (isScalar) return new Float32Array(channels).fill(values[0] ?? 0);
  // [C, 1, 1] beside [N, C, H, W], or with the leading 1 of the batch.
  const axis = dims.length - ((rank ?? 0) - 1);
  const isPerChannel = dims.every((size, at) => size === (at === axis ? channels : 1));
  return isPerChannel && dims.length <= (rank ?? 0) && dims[axis] === channels ? values : null;
}
