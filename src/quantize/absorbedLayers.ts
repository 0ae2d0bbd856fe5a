import type {Graph, Layer} from '../model/graph.ts';
import type {OnnxTensor} from '../model/onnx/messages.ts';
import {floatsOfTensor} from './floatsOfTensor.ts';

/**
 * Whether a Relu or Clip can disappear into the quantisation of its input: then the range of its output is what the
 * integers express, and saturation does its work. That needs an asymmetric zero point, a clip range that holds 0 (every
 * quantised range does), and an input that nobody else sees.
 */
export function isAbsorbable(
  graph: Graph,
  layer: Layer,
  constants: ReadonlyMap<string, OnnxTensor>,
  isSymmetric: boolean,
): boolean {
  if (isSymmetric || !isOnlyReader(graph, layer)) return false;
  return layer.operator === 'Relu' || (layer.operator === 'Clip' && clipsAroundZero(layer, constants));
}

/** Whether nobody but this layer sees the result of the layer before it. */
export function isOnlyReader(graph: Graph, layer: Layer): boolean {
  const input = graph.tensors.get(layer.node.inputs[0] ?? '');
  if (input === undefined || input.producer === null || input.isOutput || input.consumers.length !== 1)
    return false;
  return graph.layers[input.producer]?.outputs.length === 1;
}

function clipsAroundZero({node}: Layer, constants: ReadonlyMap<string, OnnxTensor>): boolean {
  const [, minName = '', maxName = ''] = node.inputs;
  const boundOf = (name: string, otherwise: number): number | undefined => {
    if (name === '') return otherwise;
    const tensor = constants.get(name);
    return tensor && floatsOfTensor(tensor)[0];
  };
  const min = boundOf(minName, -Infinity);
  const max = boundOf(maxName, Infinity);
  return min !== undefined && max !== undefined && min <= 0 && max >= 0;
}
