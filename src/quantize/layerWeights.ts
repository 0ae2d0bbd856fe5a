import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import type {Layer} from '../model/graph.ts';
import type {OnnxTensor} from '../model/onnx/messages.ts';
import {floatsOfTensor} from './floatsOfTensor.ts';
import {floatAttribute} from './nodeAttributes.ts';
import {quantizeBias, smallestWeightScales} from './quantizeBias.ts';
import type {CorrectedValues, QuantizedWeights, WeightedLayer} from './quantizationPlan.ts';
import {dequantizeWeights, quantizeWeights} from './quantizeWeights.ts';
import {outputChannels} from './weightedOperands.ts';

/** What a weighted layer multiplies and adds once it computes on integers. */
export interface LayerWeights {
  readonly dims: readonly number[];
  readonly weights: QuantizedWeights;
  /** The float values that round to `weights`; `null` where those are the initialiser's own. */
  readonly floatWeights: Float32Array | null;
  /** In float, with factors of the layer (beta of Gemm) in it; one number per output channel. */
  readonly floatBias: Float32Array | null;
  /** With the scale input scale · weight scale. `null` where there is no bias, or it stays in float. */
  readonly bias: {readonly values: Int32Array; readonly scales: Float32Array} | null;
}

/**
 * Weights and bias of a layer in integers.
 * @param inputScale of the activations that the weights are multiplied with
 */
export function layerWeights(
  {layer: name, channelAxis}: WeightedLayer,
  layer: Layer,
  {weight, bias}: {readonly weight: OnnxTensor; readonly bias: OnnxTensor | null},
  inputScale: number,
  scheme: QuantizationScheme,
  corrected: Partial<CorrectedValues>,
): LayerWeights {
  const {isPerChannel, bits} = scheme.weights;
  const axis = isPerChannel ? channelAxis : null;
  const channels = outputChannels(layer, weight.dims, channelAxis);
  const floatBias = corrected.biases?.get(name) ?? (bias && floatBiasOf(layer, bias, channels));
  const isIntegerBias = scheme.bias === 'int32';
  const smallestScales = smallestWeightScales(
    isIntegerBias ? floatBias : null,
    inputScale,
    isPerChannel ? (weight.dims[channelAxis] ?? 0) : 1,
  );
  const alpha = layer.operator === 'Gemm' ? floatAttribute(layer.node, 'alpha', 1) : 1;
  const given = corrected.weights?.get(name);
  const isAsGiven =
    alpha === 1 && given?.scales.every((scale, index) => scale >= (smallestScales[index] ?? 0)) === true;
  given?.scales.forEach((scale, index) => {
    smallestScales[index] = Math.max(scale * Math.abs(alpha), smallestScales[index] ?? 0);
  });
  const floats = (): Float32Array =>
    scaled(given ? dequantizeWeights(given, weight.dims, axis) : floatsOfTensor(weight), alpha);
  const quantized = (): QuantizedWeights => {
    const values = floats();
    const result = quantizeWeights(values, weight.dims, axis, {bits, smallestScales});
    // Freed now: a whole model's floats would pile up before anything collects them.
    if (values.buffer instanceof ArrayBuffer) values.buffer.transfer(0);
    return result;
  };
  const weights = given && isAsGiven ? given : quantized();
  const isPairOfOthers = scheme.weights.isPairOnWeights && (given !== undefined || alpha !== 1);
  return {
    dims: weight.dims,
    weights,
    floatWeights: isPairOfOthers ? floats() : null,
    floatBias,
    bias: floatBias && isIntegerBias ? quantizeBias(floatBias, inputScale, weights.scales) : null,
  };
}

/** A scalar bias of Gemm becomes a vector, its beta a part of it. */
function floatBiasOf(layer: Layer, tensor: OnnxTensor, channels: number): Float32Array {
  const values = floatsOfTensor(tensor);
  if (layer.operator !== 'Gemm') return values;
  const vector = values.length === channels ? values : new Float32Array(channels).fill(values[0] ?? 0);
  return scaled(vector, floatAttribute(layer.node, 'beta', 1));
}

function scaled(values: Float32Array, factor: number): Float32Array {
  return factor === 1 ? values : values.map(value => value * factor);
}
