import type {Graph} from '../../model/graph.ts';
import {createAttribute, createNode} from '../../model/onnx/createMessages.ts';
import type {OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {standardOpset} from '../../model/opset/raiseOpset.ts';
import type {BlockTarget} from './blockTarget.ts';
import {gatherIntegers} from './channelIntegers.ts';
import type {BlockSize} from './chooseBlockSizes.ts';
import {tensorFromTyped} from './floatWeight.ts';
import {withBias, type MatrixLayer} from './matrixLayer.ts';
import {packNibbles} from './packBlocks.ts';
import type {BlockWeights} from './blocks.ts';
import type {BlockSettings, BlockWriter} from './blockWriter.ts';
import type {Computed, Site} from './rewriteLayers.ts';

/** The first version of the standard operators whose DequantizeLinear knows blocks and 4-bit integers. */
export const OPSET_WITH_BLOCKS = 21;

/** The first version of the format with 4-bit tensors. */
const IR_VERSION_WITH_INT4 = 10;

/**
 * DequantizeLinear with blocks, before a MatMul or Conv that stays as it is. Tables become int8 with a scale per row: a
 * Gather takes no 4-bit integers, and a runtime would dequantise all rows for the few that are read.
 * @throws RangeError for a model of an opset before 21
 */
export function dequantizeWriter({model}: Graph, settings: BlockSettings): BlockWriter {
  const opset = standardOpset(model) ?? 0;
  if (opset < OPSET_WITH_BLOCKS) {
    throw new RangeError(`blocks of weights need opset ${OPSET_WITH_BLOCKS}; the model has ${opset}`);
  }
  const {bits, isSymmetric, search} = settings;
  return {
    takes: () => true,
    bytesOf({kind, layout: {depth, width}}, blockSize) {
      if (kind === 'table') return width * (depth + Float32Array.BYTES_PER_ELEMENT);
      const blocks = width * Math.ceil(depth / blockSize);
      const zeroPoints = isSymmetric ? 0 : Math.ceil((blocks * bits) / 8);
      return Math.ceil((depth * width * bits) / 8) + blocks * Float32Array.BYTES_PER_ELEMENT + zeroPoints;
    },
    rewrite(site, target, blockSize, quantize) {
      if (target.kind === 'matrix') return multiply(site, target.matrix, blockSize, quantize, settings);
      if (target.kind === 'table') return gatherIntegers(site, target.weight, {weightBits: 8, search});
      return convolve(site, target, blockSize, quantize, settings);
    },
    declare: one => ({...one, irVersion: Math.max(one.irVersion, IR_VERSION_WITH_INT4)}),
    decision: {
      decision: `weights as ${bits}-bit integers in blocks, ${isSymmetric ? 'symmetric' : 'with zero points'}, before DequantizeLinear`,
      reason:
        'a smaller file that every runtime of opset 21 reads; ONNX Runtime fuses those of matrices to MatMulNBits',
    },
  };
}

function multiply(
  site: Site,
  matrix: MatrixLayer,
  blockSize: BlockSize,
  quantize: () => BlockWeights,
  settings: BlockSettings,
): readonly OnnxNode[] {
  const {weight, layout, factor, input} = matrix;
  const {depth, width} = layout;
  // [depth, width] in any case: only then does ONNX Runtime fuse it with the product.
  const [dequantized = ''] = site.compute(`${weight.name}-columns-times-${factor}`, () =>
    dequantize(site, weight, settings, {
      kind: factor === 1 ? 'columns' : `columns-times-${factor}`,
      dims: [depth, width],
      axis: 0,
      blockSize,
      make() {
        const weights = quantize();
        const blocks = Math.ceil(depth / blockSize);
        const scales = weights.scales.map(scale => scale * factor);
        return {
          codes: layout.isTransposed ? transpose(weights.codes, width, depth) : weights.codes,
          scales: transpose(scales, width, blocks),
          zeroPoints: weights.zeroPoints && transpose(weights.zeroPoints, width, blocks),
        };
      },
    }),
  );
  return withBias(
    site,
    matrix,
    output => [createNode('MatMul', [input, dequantized], [output], {name: site.node.name})],
    'Sum',
  );
}

/** The filters as rows, of which DequantizeLinear knows blocks, then in their own shape. */
function convolve(
  site: Site,
  {weight, layout: {depth, width}}: BlockTarget,
  blockSize: BlockSize,
  quantize: () => BlockWeights,
  settings: BlockSettings,
): readonly OnnxNode[] {
  const [filters = ''] = site.compute(`${weight.name}-filters`, () => {
    const rows = dequantize(site, weight, settings, {
      kind: 'filters',
      dims: [width, depth],
      axis: 1,
      blockSize,
      make: quantize,
    });
    const shape = site.derive(weight, 'shape', name =>
      tensorFromTyped(name, 'int64', [weight.dims.length], BigInt64Array.from(weight.dims, BigInt)),
    );
    const output = site.freshName(`${weight.name}/filters`);
    const reshape = createNode('Reshape', [rows.names[0] ?? '', shape], [output], {name: output});
    return {names: [output], nodes: [...rows.nodes, reshape]};
  });
  const [input = '', , ...rest] = site.node.inputs;
  return [{...site.node, inputs: [input, filters, ...rest]}];
}

interface DequantizedBlocks {
  /** Tells tensors made of the same weight apart. */
  readonly kind: string;
  readonly dims: readonly [number, number];
  /** Along which the blocks lie. */
  readonly axis: 0 | 1;
  readonly blockSize: BlockSize;
  /** Codes in the order of `dims`, scales and zero points likewise with blocks on `axis`. */
  readonly make: () => BlockWeights;
}

function dequantize(
  site: Site,
  weight: OnnxTensor,
  {bits, isSymmetric}: BlockSettings,
  {kind, dims, axis, blockSize, make}: DequantizedBlocks,
): Computed {
  let made: BlockWeights | null = null;
  const values = (): BlockWeights => (made ??= make());
  const scaleDims = dims.map((size, at) => (at === axis ? Math.ceil(size / blockSize) : size));
  const elementType = isSymmetric ? (`int${bits}` as const) : (`uint${bits}` as const);
  const half = 2 ** (bits - 1);
  // A signed integer is the code minus half the range: its highest bit turned round.
  const stored = (codes: Uint8Array, mask: number): Uint8Array => {
    const integers = mask === 0 ? codes : codes.map(code => code ^ mask);
    return bits === 8 ? integers : packNibbles(integers, new Uint8Array(Math.ceil(integers.length / 2)));
  };
  const integers = site.derive(weight, `${kind}-int${bits}`, name =>
    tensorFromTyped(name, elementType, dims, stored(values().codes, isSymmetric ? half : 0)),
  );
  const scales = site.derive(weight, `${kind}-scales`, name =>
    tensorFromTyped(name, 'float32', scaleDims, values().scales),
  );
  const inputs = [integers, scales];
  if (!isSymmetric) {
    inputs.push(
      site.derive(weight, `${kind}-zero-points`, name =>
        tensorFromTyped(name, elementType, scaleDims, stored(values().zeroPoints ?? new Uint8Array(0), 0)),
      ),
    );
  }
  const output = site.freshName(`${weight.name}/dequantized`);
  const attributes = [
    createAttribute('axis', {int: BigInt(axis)}),
    createAttribute('block_size', {int: BigInt(blockSize)}),
  ];
  return {
    names: [output],
    nodes: [createNode('DequantizeLinear', inputs, [output], {name: output, attributes})],
  };
}

/** [rows, columns] to [columns, rows] */
function transpose<T extends Uint8Array | Float32Array>(values: T, rows: number, columns: number): T {
  const transposed = values.slice() as T;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      transposed[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return transposed;
}
