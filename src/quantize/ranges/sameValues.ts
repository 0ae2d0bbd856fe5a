import type {Graph, GraphTensor} from '../../model/graph.ts';

/** What they make has the values of their first input, in another order or shape. */
const REARRANGING: ReadonlySet<string> = new Set(
  'Identity Flatten Reshape Squeeze Transpose Unsqueeze'.split(' '),
);

/**
 * The tensors that together have just the values of this one: what a Concat puts together, what a Reshape reads. The tensor
 * itself where there are none, or where a weight or another type than float32 is among them.
 */
export function sameValues(graph: Graph, name: string): readonly string[] {
  const producer = graph.tensors.get(name)?.producer;
  const layer = typeof producer === 'number' ? graph.layers[producer] : undefined;
  if (layer === undefined || layer.domain !== '') return [name];
  const sources =
    layer.operator === 'Concat'
      ? layer.inputs
      : REARRANGING.has(layer.operator)
        ? layer.inputs.slice(0, 1)
        : [];
  if (sources.length === 0 || !sources.every(source => isFloatActivation(graph.tensors.get(source))))
    return [name];
  return sources.flatMap(source => sameValues(graph, source));
}

function isFloatActivation(tensor: GraphTensor | undefined): boolean {
  return tensor?.elementType === 'float32' && !tensor.isWeight;
}
