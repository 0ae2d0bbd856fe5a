import {onnxCodeFromElementType} from '../../documents/elementTypes.ts';
import {createAttribute, createNode} from '../../model/onnx/createMessages.ts';
import type {OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import type {QuantizedWeights} from '../quantizationPlan.ts';
import {quantizeWeights} from '../quantizeWeights.ts';
import {tensorFromTyped, viewFloats} from './floatWeight.ts';
import type {MatrixLayer} from './matrixLayer.ts';
import type {Site} from './rewriteLayers.ts';

export interface ChannelOptions {
  /** 7 where a multiply-add of two 8-bit products saturates at 16 bits. */
  readonly weightBits: 8 | 7;
  readonly search: 'max' | 'mse';
}

/** Names of int8 weights and of their scales; the zero point is 0. */
export interface ChannelIntegers {
  readonly integers: string;
  readonly scales: string;
}

/** The matrix of a layer as [depth, width], with a scale per column; the layer's factor is in the scales. */
export function columnIntegers(
  site: Site,
  {weight, layout, factor}: MatrixLayer,
  options: ChannelOptions,
): ChannelIntegers {
  const {depth, width, isTransposed} = layout;
  return storeIntegers(site, weight, `columns${factor === 1 ? '' : `-times-${factor}`}`, {
    dims: [depth, width],
    scaleDims: [width],
    make() {
      const {values, scales} = roundWeights(weight, isTransposed ? 0 : 1, options);
      return {
        values: isTransposed ? transpose(values, width, depth) : values,
        scales: factor === 1 ? scales : scales.map(scale => scale * factor),
      };
    },
  });
}

/** Weights in their own shape, with a scale per channel of `axis`. */
export function channelIntegers(
  site: Site,
  weight: OnnxTensor,
  axis: number,
  options: ChannelOptions,
): ChannelIntegers {
  return storeIntegers(site, weight, `channels-${axis}`, {
    dims: weight.dims,
    scaleDims: [weight.dims[axis] ?? 0],
    make: () => roundWeights(weight, axis, options),
  });
}

/**
 * A Gather of rows of a table in int8, with a scale per row: it gathers integers and scales alike and multiplies them.
 * A DequantizeLinear would have to turn the whole table back for the few rows that are read.
 */
export function gatherIntegers(site: Site, table: OnnxTensor, options: ChannelOptions): OnnxNode[] {
  const [rows = 0] = table.dims;
  const {integers, scales} = storeIntegers(site, table, 'rows', {
    dims: table.dims,
    scaleDims: [rows, 1],
    make: () => roundWeights(table, 0, options),
  });
  const {node} = site;
  const [, indices = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const [picked, floats, rowScales] = ['integers', 'floats', 'scales'].map(what =>
    site.freshName(`${output}/${what}`),
  ) as [string, string, string];
  return [
    createNode('Gather', [integers, indices], [picked], {name: node.name}),
    castToFloat(picked, floats),
    createNode('Gather', [scales, indices], [rowScales], {name: rowScales}),
    createNode('Mul', [floats, rowScales], [output], {name: site.freshName(`${node.name || output}/scale`)}),
  ];
}

export function castToFloat(input: string, output: string): OnnxNode {
  const to = createAttribute('to', {int: BigInt(onnxCodeFromElementType('float32'))});
  return createNode('Cast', [input], [output], {name: output, attributes: [to]});
}

function roundWeights(weight: OnnxTensor, axis: number, options: ChannelOptions): QuantizedWeights {
  const {weightBits: bits, search} = options;
  return quantizeWeights(viewFloats(weight), weight.dims, axis, {bits, search});
}

interface StoredIntegers {
  readonly dims: readonly number[];
  readonly scaleDims: readonly number[];
  readonly make: () => QuantizedWeights;
}

function storeIntegers(
  site: Site,
  weight: OnnxTensor,
  kind: string,
  {dims, scaleDims, make}: StoredIntegers,
): ChannelIntegers {
  let made: QuantizedWeights | null = null;
  const values = (): QuantizedWeights => (made ??= make());
  return {
    integers: site.derive(weight, `${kind}-int8`, name =>
      tensorFromTyped(name, 'int8', dims, values().values),
    ),
    scales: site.derive(weight, `${kind}-scales`, name =>
      tensorFromTyped(name, 'float32', scaleDims, values().scales),
    ),
  };
}

/** [rows, columns] to [columns, rows] */
function transpose(values: Int8Array, rows: number, columns: number): Int8Array {
  const transposed = new Int8Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      transposed[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return transposed;
}
