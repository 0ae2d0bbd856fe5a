import {createNode} from '../../model/onnx/createMessages.ts';
import type {TakeName} from '../../model/freshNames.ts';
import type {OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {copyOfTensor, tensorFromValue} from '../../model/onnx/tensorData.ts';
import type {FusedProduct} from './fusedProduct.ts';

/** The sums of a product as ONNX nodes, and the names under which they are found. */
export interface ExactSums {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  /** int32, zero points taken away. */
  readonly sums: string;
  /** uint8, as the kernel reads it. */
  readonly input: string;
  readonly inputScale: string;
  readonly inputZeroPoint: string;
}

/** Attributes that QLinearConv and ConvInteger have in common. */
const CONVOLUTION_ATTRIBUTES = new Set(['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides']);
/** int8 weights plus this are uint8 weights with this zero point. */
const HALF_BYTE = 128;

/**
 * The exact sums, whatever the processor: with unsigned weights ONNX Runtime takes kernels that widen before they add.
 */
export function exactSums(product: FusedProduct, takeName: TakeName): ExactSums {
  const {layer, operands, weight, kind, isDynamic} = product;
  const own = layer.outputs[0] ?? layer.name;
  const [weightName, zeroName, sums] = [
    takeName(`${own}_weight`),
    takeName(`${own}_zero`),
    takeName(`${own}_sums`),
  ];
  const quantized = {
    input: takeName(`${own}_input`),
    inputScale: takeName(`${own}_scale`),
    inputZeroPoint: takeName(`${own}_zero_point`),
  };
  const read = isDynamic ? quantized : operands;
  const inputs = [read.input, weightName, read.inputZeroPoint, zeroName];
  const attributes =
    kind === 'convolution' ? layer.node.attributes.filter(({name}) => CONVOLUTION_ATTRIBUTES.has(name)) : [];
  const operator = kind === 'convolution' ? 'ConvInteger' : 'MatMulInteger';
  const quantize = createNode('DynamicQuantizeLinear', [operands.input], Object.values(quantized));
  return {
    nodes: [...(isDynamic ? [quantize] : []), createNode(operator, inputs, [sums], {attributes})],
    initializers: [
      unsignedWeight(product, weightName),
      tensorFromValue(zeroName, {elementType: 'uint8', shape: [], bytes: Uint8Array.of(HALF_BYTE)}),
    ],
    sums,
    input: read.input,
    inputScale: read.inputScale,
    inputZeroPoint: read.inputZeroPoint,
  };

  function unsignedWeight({rows, channels, depth}: FusedProduct, name: string): OnnxTensor {
    if (kind === 'convolution') {
      const bytes = copyOfTensor(weight).map(byte => byte ^ HALF_BYTE);
      return tensorFromValue(name, {elementType: 'uint8', shape: weight.dims, bytes});
    }
    const bytes = new Uint8Array(rows.length);
    for (let channel = 0; channel < channels; channel += 1) {
      for (let place = 0; place < depth; place += 1)
        bytes[place * channels + channel] = (rows[channel * depth + place] as number) + HALF_BYTE;
    }
    return tensorFromValue(name, {elementType: 'uint8', shape: [depth, channels], bytes});
  }
}
