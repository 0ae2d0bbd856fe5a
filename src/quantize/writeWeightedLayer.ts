import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import {createNode} from '../model/onnx/createMessages.ts';
import type {OnnxNode} from '../model/onnx/messages.ts';
import type {LayerWeights} from './layerWeights.ts';
import type {QdqWriter, RoundingOperands} from './qdqWriter.ts';
import type {WeightedLayer} from './quantizationPlan.ts';

/** Written weights by the initialiser they came from, for layers that share one. */
export type WrittenWeights = Map<string, {readonly from: LayerWeights; readonly tensor: string}[]>;

/** The value at the middle of uint8, which stands for 0 in weights of that type. */
const UINT8_MIDDLE = 128;

/**
 * Adds a layer with its weights and bias to the model.
 * @param node the layer's node with its input and output as they shall be; weights and bias are put in
 */
export function writeWeightedLayer(
  writer: QdqWriter,
  scheme: QuantizationScheme,
  layer: WeightedLayer,
  node: OnnxNode,
  values: LayerWeights,
  written: WrittenWeights,
): void {
  const [input = ''] = node.inputs;
  const weight = writeWeights(writer, scheme, layer, values, written);
  if (node.operator === 'MatMul' && values.floatBias !== null) {
    // MatMul has no bias; ONNX Runtime makes one integer kernel of it and the Add of a float vector.
    const product = writer.freshTensor(`${layer.ownOutput}_product`);
    const name = writer.freshNode(`${node.name}_product`);
    const bias = writer.addFloats(`${layer.layer}_bias`, values.floatBias);
    writer.addNode({...node, name, inputs: [input, weight], outputs: [product]});
    writer.addNode(createNode('Add', [product, bias], node.outputs, {name: node.name}));
    return;
  }
  const bias = writeBias(writer, layer, values);
  // Gemm's factors are in the weights and the bias now.
  const attributes =
    node.operator === 'Gemm'
      ? node.attributes.filter(({name}) => name !== 'alpha' && name !== 'beta')
      : node.attributes;
  writer.addNode({...node, inputs: bias === null ? [input, weight] : [input, weight, bias], attributes});
}

/**
 * Adds a layer's weights to the model; returns the float tensor that the layer reads. Layers that share an initialiser
 * go on sharing it where its integers and scales came out the same.
 */
function writeWeights(
  writer: QdqWriter,
  scheme: QuantizationScheme,
  {weight: name, channelAxis}: WeightedLayer,
  from: LayerWeights,
  written: WrittenWeights,
): string {
  const others = written.get(name) ?? [];
  const same = others.find(other => areEqual(other.from, from));
  if (same !== undefined) return same.tensor;
  const {elementType, isPerChannel, isPairOnWeights, omitsZeroPoint = false} = scheme.weights;
  const {dims} = from;
  const {values, scales} = from.weights;
  const shape = isPerChannel ? [scales.length] : [];
  const middle = elementType === 'uint8' ? UINT8_MIDDLE : 0;
  const zeroPoints =
    elementType === 'uint8' ? new Uint8Array(scales.length).fill(middle) : new Int8Array(scales.length);
  const operands: RoundingOperands = {
    scale: writer.addInitializer(`${name}_scale`, 'float32', shape, scales),
    zeroPoint:
      omitsZeroPoint && middle === 0 && !isPairOnWeights
        ? null
        : writer.addInitializer(`${name}_zero_point`, elementType, shape, zeroPoints),
    axis: isPerChannel ? channelAxis : null,
  };
  const tensor = writer.freshTensor(`${name}_dequantized`);
  let source: string;
  if (isPairOnWeights) {
    const floats =
      from.floatWeights === null
        ? name
        : writer.addInitializer(`${name}_float`, 'float32', dims, from.floatWeights);
    source = writer.addQuantize(name, floats, operands);
  } else {
    // Modulo 256, which is what turns the one into the other.
    const integers = elementType === 'uint8' ? new Uint8Array(values).map(value => value + middle) : values;
    source = writer.addInitializer(`${name}_quantized`, elementType, dims, integers);
  }
  writer.addDequantize(name, source, tensor, operands);
  written.set(name, [...others, {from, tensor}]);
  return tensor;
}

/** Adds a layer's bias; returns the float tensor that the layer reads, `null` where it has none. */
function writeBias(
  writer: QdqWriter,
  {layer, bias: initializer}: WeightedLayer,
  {bias, floatBias}: LayerWeights,
): string | null {
  if (floatBias === null) return null;
  const name = initializer ?? `${layer}_bias`;
  if (bias === null) return writer.addFloats(`${name}_float`, floatBias);
  const isPerChannel = bias.scales.length > 1;
  const integers = writer.addInitializer(`${name}_quantized`, 'int32', [bias.values.length], bias.values);
  const scale = writer.addInitializer(
    `${name}_scale`,
    'float32',
    isPerChannel ? [bias.scales.length] : [],
    bias.scales,
  );
  const tensor = writer.freshTensor(`${name}_dequantized`);
  writer.addDequantize(name, integers, tensor, {scale, zeroPoint: null, axis: isPerChannel ? 0 : null});
  return tensor;
}

function areEqual(one: LayerWeights, other: LayerWeights): boolean {
  const {values, scales} = one.weights;
  return (
    scales.every((scale, index) => scale === other.weights.scales[index]) &&
    values.every((value, index) => value === other.weights.values[index])
  );
}
