import type {OnnxNode} from '../../model/onnx/messages.ts';
import {float32Inputs} from './float16Operators.ts';
import type {GraphView} from './graphView.ts';

/**
 * Layers that compute sizes and positions in floats: all that goes in comes from integers, by a Cast, or is constant, and
 * all that comes out goes back to integers, or says to Resize by how much. Float16 would round what has to be exact.
 */
export function indexLayers(view: GraphView): Set<OnnxNode> {
  const fromIntegers = new Set<string>();
  for (const node of view.nodes) {
    const given = node.inputs.filter(
      name => view.typeOf(name) === 'float32' && view.constant(name) === undefined,
    );
    const isStart = node.operator === 'Cast' && view.typeOf(node.inputs[0] ?? '') !== 'float32';
    const isFed = given.length > 0 && given.every(name => fromIntegers.has(name));
    if (isStart || isFed) for (const name of node.outputs) fromIntegers.add(name);
  }
  const layers = new Set<OnnxNode>();
  for (const node of view.nodes.toReversed()) {
    const made = node.outputs.filter(name => view.typeOf(name) === 'float32');
    if (made.length === 0) {
      const given = node.inputs.filter(name => view.typeOf(name) === 'float32');
      // The Cast back to integers.
      if (given.length > 0 && given.every(name => fromIntegers.has(name))) layers.add(node);
      continue;
    }
    const leadsToIntegers = made.every(
      name =>
        fromIntegers.has(name) &&
        !view.outputs.has(name) &&
        (view.consumers.get(name) ?? []).every(reader => layers.has(reader) || isScaleOf(name, reader, view)),
    );
    if (leadsToIntegers) layers.add(node);
  }
  return layers;
}

function isScaleOf(name: string, {operator, inputs}: OnnxNode, {opset}: GraphView): boolean {
  const places = float32Inputs(operator, opset);
  return places.length > 0 && inputs.every((input, place) => input !== name || places.includes(place));
}
