import type {Graph, Layer} from '../model/graph.ts';
import {countElements} from '../documents/elementTypes.ts';
import {bytesOfGraphTensor} from '../model/layerCosts.ts';
import {multiplyAddsOf} from '../model/multiplyAdds.ts';

/** What a layer has to do, from types and shapes alone. Kept beside measured times, so that models can be fitted to them. */
export interface LayerWork {
  readonly name: string;
  readonly operator: string;
  readonly multiplyAdds: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly weightBytes: number;
  /** Elements of the first output. */
  readonly outputElements: number;
  /** Convolutions: of the weight [M, C / group, kernel…]; matrix products: columns and rows; 0 where there is none. */
  readonly outputChannels: number;
  readonly inputChannelsPerGroup: number;
  readonly groups: number;
  /** Elements of the kernel, or of the pooling window; 0 where there is none. */
  readonly kernelElements: number;
  /** Product of the strides; 1 where there are none. */
  readonly stride: number;
}

/** One row per layer, in the graph's order; unknown sizes count as 0. */
export function workOfLayers(graph: Graph): LayerWork[] {
  return graph.layers.map(layer => workOfLayer(graph, layer));
}

function workOfLayer(graph: Graph, layer: Layer): LayerWork {
  const {node} = layer;
  const names = [...new Set([...layer.inputs, ...layer.outerInputs])];
  const bytesOf = (wanted: readonly string[]): number =>
    wanted.reduce((sum, name) => sum + (bytesOfGraphTensor(graph.tensors.get(name)) ?? 0), 0);
  const isWeight = (name: string): boolean => graph.tensors.get(name)?.isWeight === true;
  const integers = (name: string): number[] =>
    node.attributes.find(attribute => attribute.name === name)?.ints.map(Number) ?? [];
  const weight = graph.tensors.get(node.inputs[1] ?? '');
  const shape = weight?.isWeight === true && weight.shape ? weight.shape : [];
  const isConvolution = shape.length > 2;
  const [outputChannels = 0, inputChannelsPerGroup = 0] = shape.length >= 2 ? shape : [];
  const output = graph.tensors.get(layer.outputs[0] ?? '')?.shape;
  return {
    name: layer.name,
    operator: layer.operator,
    multiplyAdds: multiplyAddsOf(graph, layer) ?? 0,
    inputBytes: bytesOf(names.filter(name => !isWeight(name))),
    outputBytes: bytesOf(layer.outputs),
    weightBytes: bytesOf(names.filter(isWeight)),
    outputElements: output === undefined ? 0 : countElements(output),
    outputChannels,
    inputChannelsPerGroup,
    groups: Number(node.attributes.find(({name}) => name === 'group')?.int ?? 1n),
    kernelElements: isConvolution ? countElements(shape.slice(2)) : product(integers('kernel_shape')),
    stride: Math.max(1, product(integers('strides'))),
  };
}

function product(sizes: readonly number[]): number {
  return sizes.length === 0 ? 0 : sizes.reduce((all, size) => all * size, 1);
}
