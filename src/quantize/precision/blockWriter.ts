import type {OnnxModel, OnnxNode} from '../../model/onnx/messages.ts';
import type {BlockOptions, BlockWeights} from './blocks.ts';
import type {BlockTarget} from './blockTarget.ts';
import type {BlockSize} from './chooseBlockSizes.ts';
import type {Decision, KeptReason} from './loweredModel.ts';
import type {Site} from './rewriteLayers.ts';

export interface BlockWeightOptions {
  readonly bits?: 4 | 8;
  /** Of all weights, unless `largestShare` asks for larger ones. */
  readonly blockSize?: BlockSize;
  readonly isSymmetric?: boolean;
  /** `mse` takes about four times as long as `max`. */
  readonly search?: BlockOptions['search'];
  /**
   * `kernels`: MatMulNBits and GatherBlockQuantized of com.microsoft, which compute on the integers. `dequantize`: of
   * standard operators, DequantizeLinear with blocks (opset 21) before MatMul and Conv, for every runtime. From level
   * extended on, ONNX Runtime makes the same MatMulNBits of it; convolutions it computes in float, at up to twice the time,
   * because filters that are no constants get no layout of their own. Without padding, this file is the smaller one.
   */
  readonly format?: 'kernels' | 'dequantize';
  /** Of MatMulNBits: 4 computes on activations rounded to int8 by blocks, 1 on float32. */
  readonly accuracyLevel?: 1 | 4;
  /** Weights take larger blocks where the file would otherwise be more than this share of the float one. */
  readonly largestShare?: number;
  /**
   * For runtimes that take no block which is cut short: the first of these sizes that divides the depth is taken, whatever
   * `blockSize` and `largestShare` say; without one the weights stay as they are.
   */
  readonly wholeBlocks?: readonly BlockSize[];
  /** By layer. */
  readonly keepFloat?: ReadonlyMap<string, KeptReason>;
}

export type BlockSettings = Required<Omit<BlockWeightOptions, 'keepFloat' | 'largestShare' | 'wholeBlocks'>>;

/** How a format stores weights in blocks, and computes with them. */
export interface BlockWriter {
  /** Whether the format has a way for these weights. */
  takes(target: BlockTarget): boolean;
  /** Integers, scales and zero points, with what is padded. */
  bytesOf(target: BlockTarget, blockSize: BlockSize): number;
  rewrite(
    site: Site,
    target: BlockTarget,
    blockSize: BlockSize,
    quantize: () => BlockWeights,
  ): readonly OnnxNode[];
  /** The model, declaring the versions that the new nodes need. */
  declare(model: OnnxModel): OnnxModel;
  readonly decision: Decision;
}
