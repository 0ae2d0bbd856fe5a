import type {Graph} from '../../model/graph.ts';
import {createNode} from '../../model/onnx/createMessages.ts';
import type {OnnxNode} from '../../model/onnx/messages.ts';
import {standardOpset} from '../../model/opset/raiseOpset.ts';
import {blockTarget, type BlockTarget} from './blockTarget.ts';
import {castToFloat, columnIntegers, gatherIntegers, type ChannelOptions} from './channelIntegers.ts';
import {areFinite, viewFloats} from './floatWeight.ts';
import type {KeptReason, LoweredModel} from './loweredModel.ts';
import {withBias, type MatrixLayer} from './matrixLayer.ts';
import {rewriteLayers, type Site} from './rewriteLayers.ts';

export interface DynamicOptions extends Partial<ChannelOptions> {
  /** By layer. */
  readonly keepFloat?: ReadonlyMap<string, KeptReason>;
}

/**
 * Below it a layer's node and scales outweigh what its integers save. Finding the range of the input takes time too: with
 * one row of activations 10.2 µs against 9.4 µs in float at 32 by 32, 9.7 against 8.3 at 128 by 128, but 13.4 against 18.9
 * at 512 by 512 (ONNX Runtime 1.30, one thread of a Xeon with AMX, 2026-11-23): builds are timed before they are chosen.
 */
const FEWEST_WEIGHTS = 1024;

/** The first version of the standard operators with DynamicQuantizeLinear. */
const OPSET_WITH_DYNAMIC_QUANTIZATION = 11;

/**
 * MatMul and Gemm (without transA) with constant weights computed on integers: uint8 activations, whose scale each run
 * takes from the values at hand, and int8 weights with a scale per column. Written as DynamicQuantizeLinear,
 * MatMulInteger, Cast, Mul and Add, which ONNX Runtime fuses to DynamicQuantizeMatMul or, where several products share
 * their input, to MatMulIntegerToFloat. Embedding tables become int8 too, with a scale per row.
 * @throws RangeError for a model of an opset before 11
 */
export function quantizeDynamically(
  graph: Graph,
  {keepFloat = new Map<string, KeptReason>(), weightBits = 8, search = 'max'}: DynamicOptions = {},
): LoweredModel {
  const opset = standardOpset(graph.model) ?? 0;
  if (opset < OPSET_WITH_DYNAMIC_QUANTIZATION) {
    throw new RangeError(
      `dynamic quantisation needs opset ${OPSET_WITH_DYNAMIC_QUANTIZATION}; the model has ${opset}`,
    );
  }
  const options = {weightBits, search};
  const {model, floatLayers, rewritten} = rewriteLayers(graph, site => {
    const target = blockTarget(site);
    if (target === null) return null;
    const kept = keepFloat.get(site.layer) ?? reasonToKeep(target);
    if (kept !== null) return {kept};
    return {nodes: rewriteLayer(site, target as BlockTarget, options)};
  });
  const decisions =
    rewritten.length === 0
      ? []
      : [
          {
            decision: `${rewritten.length} matrix products on integers, activations uint8 by the range of each run, weights int8 per column`,
            reason: 'needs no calibration data; ONNX Runtime fuses each product to one kernel',
          },
        ];
  return {model, floatLayers, decisions};
}

function reasonToKeep(target: BlockTarget | KeptReason): KeptReason | null {
  if (typeof target === 'string') return target;
  // ConvInteger is not fused with what follows it, and slower than the float kernel.
  if (target.kind === 'filters') return 'no-kernel';
  const {depth, width} = target.layout;
  if (target.kind === 'matrix' && depth * width < FEWEST_WEIGHTS) return 'too-small';
  return areFinite(viewFloats(target.weight)) ? null : 'weights-not-finite';
}

function rewriteLayer(site: Site, target: BlockTarget, options: ChannelOptions): readonly OnnxNode[] {
  if (target.kind === 'matrix') return multiplyIntegers(site, target.matrix, options);
  return gatherIntegers(site, target.weight, options);
}

function multiplyIntegers(site: Site, matrix: MatrixLayer, options: ChannelOptions): readonly OnnxNode[] {
  const {input} = matrix;
  const weights = columnIntegers(site, matrix, options);
  const [integers, scale, zeroPoint] = site.compute(`dynamic-${input}`, () => {
    const names = ['integers', 'scale', 'zero-point'].map(what => site.freshName(`${input}/${what}`));
    const [name = ''] = names;
    return {names, nodes: [createNode('DynamicQuantizeLinear', [input], names, {name})]};
  }) as [string, string, string];
  return withBias(site, matrix, output => {
    const [sum, floats, scales] = ['sum', 'floats', 'scales'].map(what =>
      site.freshName(`${output}/${what}`),
    ) as [string, string, string];
    const name = site.freshName(`${site.node.name || output}/scale`);
    return [
      createNode('MatMulInteger', [integers, weights.integers, zeroPoint], [sum], {name: site.node.name}),
      castToFloat(sum, floats),
      createNode('Mul', [scale, weights.scales], [scales], {name: scales}),
      createNode('Mul', [floats, scales], [output], {name}),
    ];
  });
}
