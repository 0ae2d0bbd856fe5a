import type {Graph, Layer} from '../../model/graph.ts';
import type {WeightedLayer} from '../quantizationPlan.ts';
import {integerAttribute} from '../nodeAttributes.ts';
import {isChannelwise} from './coupleWeighted.ts';

/** A layer with constant float32 weights, and where its channels are. */
export interface ChannelLayer extends WeightedLayer {
  readonly index: number;
  readonly operator: 'Conv' | 'ConvTranspose' | 'Gemm' | 'MatMul';
  readonly groups: number;
  /** Depthwise: a filter of each channel by itself, which neither makes channels nor reads them together. */
  readonly isChannelwise: boolean;
  /** Axis of the channels in the input and in the output. */
  readonly inputAxis: number;
  readonly outputAxis: number;
}

/** In graph order. */
export function channelLayers(graph: Graph): ChannelLayer[] {
  return graph.layers.flatMap(layer => {
    const found = layer.domain === '' ? channelLayer(graph, layer) : null;
    return found === null ? [] : [found];
  });
}

function channelLayer(graph: Graph, layer: Layer): ChannelLayer | null {
  const {operator, node} = layer;
  const [input = '', weight = '', bias = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const dims = graph.tensors.get(weight)?.shape;
  const isConstant = [weight, bias].every(name => {
    const tensor = graph.tensors.get(name);
    return name === '' || (tensor?.isWeight === true && tensor.elementType === 'float32' && !tensor.isSparse);
  });
  if (!isConstant || dims === undefined) return null;
  const common = {
    layer: layer.name,
    index: layer.index,
    input,
    weight,
    bias: bias === '' ? null : bias,
    output,
    ownOutput: output,
    groups: 1,
    isChannelwise: false,
  };
  switch (operator) {
    case 'Conv':
    case 'ConvTranspose': {
      const groups = integerAttribute(node, 'group', 1);
      const inputsPerGroup = operator === 'Conv' ? (dims[1] ?? 0) : (dims[0] ?? 0) / groups;
      return {
        ...common,
        operator,
        groups,
        isChannelwise: isChannelwise(groups, inputsPerGroup),
        channelAxis: operator === 'Conv' ? 0 : 1,
        inputAxis: 1,
        outputAxis: 1,
      };
    }
    case 'Gemm':
      return {
        ...common,
        operator,
        channelAxis: integerAttribute(node, 'transB', 0) === 0 ? 1 : 0,
        inputAxis: integerAttribute(node, 'transA', 0) === 0 ? 1 : 0,
        outputAxis: 1,
      };
    case 'MatMul': {
      const rank = graph.tensors.get(input)?.shape?.length;
      if (dims.length !== 2 || rank === undefined) return null;
      const outputRank = graph.tensors.get(output)?.shape?.length ?? rank;
      return {...common, operator, channelAxis: 1, inputAxis: rank - 1, outputAxis: outputRank - 1};
    }
    default:
      return null;
  }
}
