import type {Graph} from '../../model/graph.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {rewriteTensors} from '../../model/onnx/rewriteTensors.ts';
import {rangeOfTensor, sizeOfTensorBytes} from '../../model/onnx/tensorData.ts';
import {writeModel} from '../../model/onnx/writeModel.ts';
import {dequantizeWriter} from './blocksForDequantizing.ts';
import {kernelWriter} from './blocksForKernels.ts';
import type {BlockWeights} from './blocks.ts';
import {blockTarget, type BlockTarget} from './blockTarget.ts';
import type {BlockSettings, BlockWeightOptions, BlockWriter} from './blockWriter.ts';
import {chooseBlockSizes, type BlockSize} from './chooseBlockSizes.ts';
import {areFinite, viewFloats} from './floatWeight.ts';
import type {Decision, KeptReason, LoweredModel} from './loweredModel.ts';
import {quantizeBlocks} from './quantizeBlocks.ts';
import {rewriteLayers} from './rewriteLayers.ts';

/**
 * What a rewritten layer adds to a file beside the bytes of its tensors when new tensors have short names, as compactModel
 * gives them: 54 to 130, measured on the models of ../shared/models.
 */
const LAYER_BYTES = 130;

/**
 * Weights of MatMul, Gemm (without transA), Gather and, in the format `dequantize`, Conv as 4- or 8-bit integers with a
 * scale per block; activations stay in float32. Defaults: 4 bits, blocks of 32, symmetric, `max`, `kernels`, level 4.
 * @throws RangeError for the format `dequantize` on a model of an opset before 21
 */
export function quantizeToBlocks(
  graph: Graph,
  {
    keepFloat = new Map<string, KeptReason>(),
    largestShare = Infinity,
    wholeBlocks,
    ...options
  }: BlockWeightOptions = {},
): LoweredModel {
  const settings: BlockSettings = {
    bits: 4,
    blockSize: 32,
    isSymmetric: true,
    search: 'max',
    format: 'kernels',
    accuracyLevel: 4,
    ...options,
  };
  const writer = settings.format === 'kernels' ? kernelWriter(settings) : dequantizeWriter(graph, settings);
  const found = new Map<OnnxNode, BlockTarget | KeptReason>();
  rewriteLayers(graph, site => {
    const target = blockTarget(site);
    if (target !== null)
      found.set(site.node, keepFloat.get(site.layer) ?? judge(target, writer, settings, wholeBlocks));
    return null;
  });
  const targets = [...found.values()].filter(target => typeof target !== 'string');
  const sizes =
    wholeBlocks === undefined
      ? sizesWithin(graph.model, targets, writer, settings.blockSize, largestShare)
      : new Map(
          targets.flatMap(target => {
            const size = sizeOfWhole(target, wholeBlocks);
            return size === undefined ? [] : [[target.weight, size]];
          }),
        );
  const {model, floatLayers, rewritten} = rewriteLayers(graph, site => {
    const target = found.get(site.node);
    if (target === undefined) return null;
    if (typeof target === 'string') return {kept: target};
    const blockSize = sizes.get(target.weight) ?? settings.blockSize;
    const quantize = (): BlockWeights =>
      quantizeBlocks(viewFloats(target.weight), target.layout, {...settings, blockSize});
    return {nodes: writer.rewrite(site, target, blockSize, quantize)};
  });
  if (rewritten.length === 0) return {model, floatLayers, decisions: []};
  const enlarged = wholeBlocks === undefined ? sizeDecisions(sizes, settings.blockSize, largestShare) : [];
  return {model: writer.declare(model), floatLayers, decisions: [writer.decision, ...enlarged]};
}

function judge(
  target: BlockTarget | KeptReason,
  writer: BlockWriter,
  settings: BlockSettings,
  wholeBlocks: readonly BlockSize[] | undefined,
): BlockTarget | KeptReason {
  if (typeof target === 'string') return target;
  if (!writer.takes(target)) return 'no-kernel';
  const blockSize = wholeBlocks === undefined ? settings.blockSize : sizeOfWhole(target, wholeBlocks);
  if (blockSize === undefined) return 'no-kernel';
  // What stays above half of the float bytes is not worth its error: padding and scales outweigh the integers.
  if (writer.bytesOf(target, blockSize) * 2 > rangeOfTensor(target.weight).length) return 'too-small';
  return areFinite(viewFloats(target.weight)) ? target : 'weights-not-finite';
}

/** Tables have a scale per row, whatever the size. */
function sizeOfWhole({kind, layout}: BlockTarget, sizes: readonly BlockSize[]): BlockSize | undefined {
  return sizes.find(size => kind === 'table' || layout.depth % size === 0);
}

/** A size per weight with which the file stays within the share of the float one, or comes as near as it can. */
function sizesWithin(
  model: OnnxModel,
  targets: readonly BlockTarget[],
  writer: BlockWriter,
  preferred: BlockSize,
  largestShare: number,
): Map<OnnxTensor, BlockSize> {
  const byWeight = new Map(targets.map(target => [target.weight, target]));
  const sized = [...byWeight].map(([weight, target]) => ({
    weight,
    count: target.layout.depth * target.layout.width,
    bytesAt: (blockSize: BlockSize) => writer.bytesOf(target, blockSize),
  }));
  const {tensorBytes, otherBytes} = bytesOfModel(model);
  const keptBytes = [...byWeight.keys()].reduce((rest, one) => rest - sizeOfTensorBytes(one), tensorBytes);
  const fileBytes = largestShare * (tensorBytes + otherBytes);
  const left = fileBytes - otherBytes - keptBytes - targets.length * LAYER_BYTES;
  const chosen = chooseBlockSizes(sized, preferred, Number.isNaN(left) ? Infinity : left);
  return new Map([...chosen].map(([{weight}, blockSize]) => [weight, blockSize]));
}

/** Bytes of all tensors, wherever they are, and of everything else in the model's file. */
function bytesOfModel(model: OnnxModel): {readonly tensorBytes: number; readonly otherBytes: number} {
  let tensorBytes = 0;
  let inlineBytes = 0;
  rewriteTensors(model, tensor => {
    const bytes = sizeOfTensorBytes(tensor);
    tensorBytes += bytes;
    if (tensor.external === undefined) inlineBytes += bytes;
    return tensor;
  });
  return {tensorBytes, otherBytes: Math.max(writeModel(model).sizeBytes - inlineBytes, 0)};
}

function sizeDecisions(
  sizes: ReadonlyMap<OnnxTensor, BlockSize>,
  preferred: BlockSize,
  largestShare: number,
): Decision[] {
  const enlarged = new Map<BlockSize, string[]>();
  for (const [{name}, size] of sizes) {
    if (size !== preferred) enlarged.set(size, [...(enlarged.get(size) ?? []), name]);
  }
  return [...enlarged].map(([size, names]) => ({
    decision: `blocks of ${size} in ${names.join(', ')}`,
    reason: `with blocks of ${preferred} everywhere the file would be more than ${100 * largestShare} % of the float one`,
  }));
}
