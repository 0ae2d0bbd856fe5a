import {createAttribute, createNode} from '../../model/onnx/createMessages.ts';
import type {OnnxAttribute, OnnxNode} from '../../model/onnx/messages.ts';
import type {BlockTarget} from './blockTarget.ts';
import type {BlockSize} from './chooseBlockSizes.ts';
import {tensorFromTyped} from './floatWeight.ts';
import {withBias, type MatrixLayer} from './matrixLayer.ts';
import {packForGather, packForMatMul, type PackedBlocks} from './packBlocks.ts';
import type {BlockWeights} from './blocks.ts';
import type {BlockSettings, BlockWriter} from './blockWriter.ts';
import type {Site} from './rewriteLayers.ts';
import {withOpsetImport} from './withOpsetImport.ts';

const DOMAIN = 'com.microsoft';

/** MatMulNBits for matrices, GatherBlockQuantized for tables; convolutions have no such kernel. */
export function kernelWriter(settings: BlockSettings): BlockWriter {
  const {bits, isSymmetric, accuracyLevel} = settings;
  return {
    // Two 4-bit integers of a table share a byte of its row.
    takes: ({kind, layout: {depth}}) => kind === 'matrix' || (kind === 'table' && (depth * bits) % 8 === 0),
    bytesOf({kind, layout: {depth, width}}, blockSize) {
      const blocks = Math.ceil(depth / blockSize);
      const integers = ((kind === 'matrix' ? blocks * blockSize : depth) * bits) / 8;
      const zeroPoints = isSymmetric ? 0 : Math.ceil((blocks * bits) / 8);
      return width * (integers + blocks * Float32Array.BYTES_PER_ELEMENT + zeroPoints);
    },
    rewrite(site, target, blockSize, quantize) {
      if (target.kind === 'matrix') return multiply(site, target.matrix, blockSize, quantize, settings);
      if (target.kind === 'table') return gather(site, target, blockSize, quantize, settings);
      throw new RangeError(`no kernel for the weights of ${site.layer}`);
    },
    declare: model => withOpsetImport(model, DOMAIN, 1),
    decision: {
      decision: `weights as ${bits}-bit integers in blocks, ${isSymmetric ? 'symmetric' : 'with zero points'}, for MatMulNBits`,
      reason: `fewer bytes to read per product; it is computed on ${accuracyLevel === 4 ? 'int8' : 'float32'} activations`,
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
  const {bits, accuracyLevel} = settings;
  const {depth, width, isTransposed} = layout;
  const blocks = Math.ceil(depth / blockSize);
  const kind = `${isTransposed ? 'by-row' : 'by-column'}${factor === 1 ? '' : `-times-${factor}`}`;
  const stored = storeBlocks(site, {weight, kind}, settings, {
    blobDims: [width, blocks, (blockSize * bits) / 8],
    scaleDims: [width, blocks],
    make() {
      const weights = quantize();
      const scales = factor === 1 ? weights.scales : weights.scales.map(scale => scale * factor);
      return {...packForMatMul(weights, layout, {bits, blockSize}), scales};
    },
  });
  const attributes = integerAttributes({
    K: depth,
    N: width,
    bits,
    block_size: blockSize,
    accuracy_level: accuracyLevel,
  });
  return withBias(site, matrix, output => [
    createNode('MatMulNBits', [input, ...stored], [output], {
      name: site.node.name,
      domain: DOMAIN,
      attributes,
    }),
  ]);
}

function gather(
  site: Site,
  {weight, layout}: BlockTarget,
  blockSize: BlockSize,
  quantize: () => BlockWeights,
  settings: BlockSettings,
): readonly OnnxNode[] {
  const {bits} = settings;
  const {depth, width} = layout;
  const [blobs = '', ...parameters] = storeBlocks(site, {weight, kind: 'rows'}, settings, {
    blobDims: [width, (depth * bits) / 8],
    scaleDims: [width, Math.ceil(depth / blockSize)],
    make() {
      const weights = quantize();
      return {...packForGather(weights, layout, {bits, blockSize}), scales: weights.scales};
    },
  });
  const [, indices = ''] = site.node.inputs;
  return [
    createNode('GatherBlockQuantized', [blobs, indices, ...parameters], site.node.outputs, {
      name: site.node.name,
      domain: DOMAIN,
      attributes: integerAttributes({bits, block_size: blockSize, gather_axis: 0, quantize_axis: 1}),
    }),
  ];
}

interface StoredBlocks {
  readonly blobDims: readonly number[];
  readonly scaleDims: readonly [number, number];
  readonly make: () => PackedBlocks & {readonly scales: Float32Array};
}

/** The names of integers, scales and, where there are any, zero points: made once for all readers of the weight. */
function storeBlocks(
  site: Site,
  {weight, kind}: {readonly weight: MatrixLayer['weight']; readonly kind: string},
  {bits, isSymmetric}: BlockSettings,
  {blobDims, scaleDims, make}: StoredBlocks,
): string[] {
  let made: ReturnType<StoredBlocks['make']> | null = null;
  const values = (): ReturnType<StoredBlocks['make']> => (made ??= make());
  const [rows, blocks] = scaleDims;
  const names = [
    site.derive(weight, `${kind}-int${bits}`, name =>
      tensorFromTyped(name, 'uint8', blobDims, values().blobs),
    ),
    site.derive(weight, `${kind}-scales`, name =>
      tensorFromTyped(name, 'float32', scaleDims, values().scales),
    ),
  ];
  if (isSymmetric) return names;
  const zeroPointDims = [rows, Math.ceil((blocks * bits) / 8)];
  const zeroPoints = site.derive(weight, `${kind}-zero-points`, name =>
    tensorFromTyped(name, 'uint8', zeroPointDims, values().zeroPoints ?? new Uint8Array(0)),
  );
  return [...names, zeroPoints];
}

function integerAttributes(values: Readonly<Record<string, number>>): OnnxAttribute[] {
  return Object.entries(values).map(([name, value]) => createAttribute(name, {int: BigInt(value)}));
}
