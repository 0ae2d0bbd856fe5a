import type {Graph, Layer} from '../../model/graph.ts';
import {integerAttribute, integersAttribute} from '../nodeAttributes.ts';
import {integerConstant} from './integerConstant.ts';

/** For each axis of a tensor the axis that it becomes; `null` for one that goes, or whose places are mixed. */
export type AxisPlaces = readonly (number | null)[];

/** Where Transpose, Gather with one index list, ReduceMean and ReduceSum put the axes of their first input. */
export function axisPlaces(graph: Graph, layer: Layer): AxisPlaces | null {
  const rank = graph.tensors.get(layer.inputs[0] ?? '')?.shape?.length;
  if (rank === undefined) return null;
  const axes = Array.from({length: rank}, (_, axis) => axis);
  switch (layer.operator) {
    case 'Transpose': {
      const order = integersAttribute(layer.node, 'perm') ?? axes.toReversed();
      return axes.map(axis => order.indexOf(axis));
    }
    case 'Gather': {
      const at = fromFront(integerAttribute(layer.node, 'axis', 0), rank);
      const added = (graph.tensors.get(layer.node.inputs[1] ?? '')?.shape?.length ?? NaN) - 1;
      if (Number.isNaN(added)) return null;
      return axes.map(axis => (axis === at ? null : axis < at ? axis : axis + added));
    }
    case 'ReduceMean':
    case 'ReduceSum':
      return reducedPlaces(graph, layer, axes);
    default:
      return null;
  }
}

/** The way back. */
export function inverse(places: AxisPlaces): AxisPlaces {
  const length = Math.max(-1, ...places.map(place => place ?? -1)) + 1;
  return Array.from({length}, (_, place) => (places.includes(place) ? places.indexOf(place) : null));
}

function reducedPlaces(graph: Graph, {node}: Layer, axes: readonly number[]): AxisPlaces | null {
  const [, given = ''] = node.inputs;
  const asked = given === '' ? (integersAttribute(node, 'axes') ?? []) : integerConstant(graph, given);
  if (asked === null) return null;
  const listed = asked.map(axis => fromFront(axis, axes.length));
  const isNoop = listed.length === 0 && integerAttribute(node, 'noop_with_empty_axes', 0) === 1;
  const reduced = new Set(listed.length === 0 && !isNoop ? axes : listed);
  const goes = integerAttribute(node, 'keepdims', 1) === 0;
  return axes.map(axis => {
    if (reduced.has(axis)) return null;
    return goes ? axis - axes.filter(other => other < axis && reduced.has(other)).length : axis;
  });
}

function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
