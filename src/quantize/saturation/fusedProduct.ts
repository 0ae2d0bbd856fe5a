import type {Layer} from '../../model/graph.ts';
import type {OnnxTensor} from '../../model/onnx/messages.ts';
import {copyOfTensor, elementTypeOfTensor} from '../../model/onnx/tensorData.ts';
import {integerAttribute} from '../nodeAttributes.ts';
import {productOf} from './convolutionRows.ts';

/** Names of what a kernel reads; '' where the operator has no such input. */
export interface ProductOperands {
  readonly input: string;
  readonly inputScale: string;
  readonly inputZeroPoint: string;
  readonly weight: string;
  readonly weightScale: string;
  readonly weightZeroPoint: string;
  /** int32, in units of input scale times weight scale. */
  readonly bias: string;
  /** '': the result is float32. */
  readonly outputScale: string;
  readonly outputZeroPoint: string;
  /** float32, added to a float32 result. */
  readonly floatBias: string;
}

/** One of ONNX Runtime's kernels that multiplies integers by constant int8 weights. */
export interface FusedProduct {
  readonly layer: Layer;
  readonly operands: ProductOperands;
  readonly kind: 'convolution' | 'matrix';
  /** float32 inputs are quantised by the kernel itself. */
  readonly isDynamic: boolean;
  readonly weight: OnnxTensor;
  readonly channels: number;
  /** How many products are added for one result. */
  readonly depth: number;
  /** The weights in the order in which MLAS adds products: `depth` per output channel. */
  readonly rows: Int8Array;
}

const OPERANDS: Readonly<Record<string, readonly (keyof ProductOperands)[]>> = {
  QLinearConv: [
    ...(['input', 'inputScale', 'inputZeroPoint', 'weight', 'weightScale', 'weightZeroPoint'] as const),
    ...(['outputScale', 'outputZeroPoint', 'bias'] as const),
  ],
  QLinearMatMul: [
    ...(['input', 'inputScale', 'inputZeroPoint', 'weight', 'weightScale', 'weightZeroPoint'] as const),
    ...(['outputScale', 'outputZeroPoint'] as const),
  ],
  QGemm: [
    ...(['input', 'inputScale', 'inputZeroPoint', 'weight', 'weightScale', 'weightZeroPoint'] as const),
    ...(['bias', 'outputScale', 'outputZeroPoint'] as const),
  ],
  MatMulIntegerToFloat: [
    ...(['input', 'weight', 'inputScale', 'weightScale', 'inputZeroPoint', 'weightZeroPoint'] as const),
    'floatBias',
  ],
  DynamicQuantizeMatMul: ['input', 'weight', 'weightScale', 'weightZeroPoint', 'floatBias'],
};

/**
 * A layer of a model as ONNX Runtime fuses it (level `extended`), if its weights are constant int8.
 * @see onnxruntime, docs/ContribOperators.md, for the order of inputs
 */
export function fusedProduct(layer: Layer, constants: ReadonlyMap<string, OnnxTensor>): FusedProduct | null {
  const order = OPERANDS[layer.operator];
  if (order === undefined) return null;
  const operands = operandsOf(layer, order);
  const weight = constants.get(operands.weight);
  if (weight === undefined || elementTypeOfTensor(weight) !== 'int8') return null;
  const isConvolution = layer.operator === 'QLinearConv';
  const channels = channelsOf(layer, weight);
  return {
    layer,
    operands,
    kind: isConvolution ? 'convolution' : 'matrix',
    isDynamic: layer.operator === 'DynamicQuantizeMatMul',
    weight,
    channels,
    depth: channels === 0 ? 0 : productOf(weight.dims) / channels,
    rows: isConvolution || isTransposed(layer) ? channelRows(weight, channels) : columnRows(weight),
  };
}

function operandsOf({node}: Layer, order: readonly (keyof ProductOperands)[]): ProductOperands {
  const names: Record<keyof ProductOperands, string> = {
    input: '',
    inputScale: '',
    inputZeroPoint: '',
    weight: '',
    weightScale: '',
    weightZeroPoint: '',
    bias: '',
    outputScale: '',
    outputZeroPoint: '',
    floatBias: '',
  };
  for (const [place, operand] of order.entries()) names[operand] = node.inputs[place] ?? '';
  return names;
}

function isTransposed(layer: Layer): boolean {
  return layer.operator === 'QGemm' && integerAttribute(layer.node, 'transB', 0) === 1;
}

function channelsOf(layer: Layer, {dims}: OnnxTensor): number {
  return (layer.operator === 'QLinearConv' || isTransposed(layer) ? dims[0] : dims.at(-1)) ?? 0;
}

/** [channel][input channel][kernel position] becomes [channel][kernel position][input channel]. */
function channelRows(weight: OnnxTensor, channels: number): Int8Array {
  const values = new Int8Array(copyOfTensor(weight).buffer);
  const inputs = weight.dims[1] ?? 1;
  const kernel = productOf(weight.dims.slice(2));
  if (kernel === 1) return values;
  const rows = new Int8Array(values.length);
  for (let channel = 0, at = 0; channel < channels; channel += 1) {
    for (let position = 0; position < kernel; position += 1) {
      for (let input = 0; input < inputs; input += 1, at += 1)
        rows[at] = values[(channel * inputs + input) * kernel + position] as number;
    }
  }
  return rows;
}

/** [depth][channel] becomes [channel][depth]. */
function columnRows(weight: OnnxTensor): Int8Array {
  const values = new Int8Array(copyOfTensor(weight).buffer);
  const [depth = 0, channels = 0] = weight.dims;
  if (weight.dims.length !== 2) return values;
  const rows = new Int8Array(values.length);
  for (let place = 0; place < depth; place += 1) {
    for (let channel = 0; channel < channels; channel += 1)
      rows[channel * depth + place] = values[place * channels + channel] as number;
  }
  return rows;
}
