import type {Graph, Layer} from '../model/graph.ts';
import type {OnnxTensor} from '../model/onnx/messages.ts';
import {floatsOfTensor} from './floatsOfTensor.ts';

/** They hand on values of their first input, and no others but zeros. */
const MOVING = new Set(
  'DepthToSpace Expand Flatten Gather GatherElements Identity MaxPool Pad Reshape Slice Squeeze Tile Transpose Unsqueeze'.split(
    ' ',
  ),
);

/**
 * The tensors that a tensor's values come from through layers that only move them, nearest first: what is rounded there
 * needs no rounding here when both have the same scale.
 */
export function sourcesOfMoved(
  {layers, tensors}: Graph,
  constants: ReadonlyMap<string, OnnxTensor>,
  name: string,
): string[] {
  const sources: string[] = [];
  for (let at = name; ;) {
    const layer = layers[tensors.get(at)?.producer ?? -1];
    const source = layer?.node.inputs[0];
    if (layer === undefined || source === undefined || !movesOnly(layer, constants)) return sources;
    sources.push(source);
    at = source;
  }
}

function movesOnly({operator, domain, node}: Layer, constants: ReadonlyMap<string, OnnxTensor>): boolean {
  if (domain !== '' || !MOVING.has(operator)) return false;
  return operator !== 'Pad' || padsWithZeros(node, constants);
}

function padsWithZeros(
  {attributes, inputs}: Layer['node'],
  constants: ReadonlyMap<string, OnnxTensor>,
): boolean {
  const mode = attributes.find(({name}) => name === 'mode')?.string;
  const isConstant = mode === undefined || new TextDecoder().decode(mode) === 'constant';
  const filling = inputs[2] ?? '';
  const value = constants.get(filling);
  return isConstant && (filling === '' || (value !== undefined && floatsOfTensor(value)[0] === 0));
}
