import type {Graph} from '../../model/graph.ts';
import {createAttribute, createNode} from '../../model/onnx/createMessages.ts';
import type {OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {standardOpset} from '../../model/opset/raiseOpset.ts';
import {blockTarget, type BlockTarget} from './blockTarget.ts';
import {
  channelIntegers,
  columnIntegers,
  gatherIntegers,
  type ChannelIntegers,
  type ChannelOptions,
} from './channelIntegers.ts';
import {areFinite, viewFloats} from './floatWeight.ts';
import type {KeptReason, LoweredModel} from './loweredModel.ts';
import {withBias} from './matrixLayer.ts';
import {rewriteLayers, type Site} from './rewriteLayers.ts';

export interface WeightsOnlyOptions extends Partial<Pick<ChannelOptions, 'search'>> {
  /** By layer. */
  readonly keepFloat?: ReadonlyMap<string, KeptReason>;
}

/** The first version of the standard operators whose DequantizeLinear has an axis. */
const OPSET_WITH_AXIS = 13;

/** Below this many weights the scales and the node take about what the integers save. */
const FEWEST_WEIGHTS = 256;

/**
 * Weights of Conv, ConvTranspose, MatMul, Gemm (without transA) and Gather as int8 with a scale per output channel (per
 * row of a table), turned back into float32 by a DequantizeLinear before the layer, which computes in float: a quarter of
 * the file, with next to no error.
 * @throws RangeError for a model of an opset before 13
 */
export function quantizeWeightsOnly(
  graph: Graph,
  {keepFloat = new Map<string, KeptReason>(), search = 'max'}: WeightsOnlyOptions = {},
): LoweredModel {
  const opset = standardOpset(graph.model) ?? 0;
  if (opset < OPSET_WITH_AXIS) {
    throw new RangeError(`scales per channel need opset ${OPSET_WITH_AXIS}; the model has ${opset}`);
  }
  const options: ChannelOptions = {weightBits: 8, search};
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
            decision: `weights of ${rewritten.length} layers as int8 with a scale per channel, computed with in float32`,
            reason: 'a quarter of the size, with next to no error',
          },
        ];
  return {model, floatLayers, decisions};
}

function reasonToKeep(target: BlockTarget | KeptReason): KeptReason | null {
  if (typeof target === 'string') return target;
  const {depth, width} = target.layout;
  if (depth * width < FEWEST_WEIGHTS) return 'too-small';
  return areFinite(viewFloats(target.weight)) ? null : 'weights-not-finite';
}

function rewriteLayer(site: Site, target: BlockTarget, options: ChannelOptions): readonly OnnxNode[] {
  const {node} = site;
  switch (target.kind) {
    case 'table':
      return gatherIntegers(site, target.weight, options);
    case 'matrix': {
      const {matrix} = target;
      // [depth, width] in any case: only then does ONNX Runtime fuse it with the product.
      const weights = dequantized(site, matrix.weight, 1, columnIntegers(site, matrix, options));
      return withBias(
        site,
        matrix,
        output => [createNode('MatMul', [matrix.input, weights], [output], {name: node.name})],
        'Sum',
      );
    }
    case 'filters': {
      const axis = node.operator === 'ConvTranspose' ? 1 : 0;
      const integers = channelIntegers(site, target.weight, axis, options);
      const [input = '', , ...rest] = node.inputs;
      return [{...node, inputs: [input, dequantized(site, target.weight, axis, integers), ...rest]}];
    }
  }
}

/** The float weights, made once for all layers of the graph that read them. */
function dequantized(
  site: Site,
  weight: OnnxTensor,
  axis: number,
  {integers, scales}: ChannelIntegers,
): string {
  const [name = ''] = site.compute(`dequantized-${integers}-${scales}`, () => {
    const output = site.freshName(`${weight.name}/dequantized`);
    const attributes = [createAttribute('axis', {int: BigInt(axis)})];
    const node = createNode('DequantizeLinear', [integers, scales], [output], {name: output, attributes});
    return {names: [output], nodes: [node]};
  });
  return name;
}
