import type {Graph} from '../../model/graph.ts';
import {constantsOf, floatsOfTensor} from '../floatsOfTensor.ts';
import {floatAttribute} from '../nodeAttributes.ts';
import type {WeightedLayer} from '../quantizationPlan.ts';
import type {LayerGeometry} from './layerGeometry.ts';

/** The float weights of a layer as outputs × inputs, all groups after each other. */
export function floatRows(graph: Graph, {weight}: WeightedLayer, geometry: LayerGeometry): Float32Array {
  const tensor = constantsOf(graph).get(weight);
  if (tensor === undefined) throw new RangeError(`the model has no constant "${weight}"`);
  return geometry.rowsFromWeights(floatsOfTensor(tensor));
}

/** The float bias of a layer, one number per output; zeros where it has none, a Gemm's scalar spread out and its beta in it. */
export function floatBias(graph: Graph, {layer, bias}: WeightedLayer, outputs: number): Float32Array {
  const tensor = bias === null ? undefined : constantsOf(graph).get(bias);
  if (tensor === undefined) return new Float32Array(outputs);
  const values = floatsOfTensor(tensor);
  const vector = values.length === outputs ? values : new Float32Array(outputs).fill(values[0] ?? 0);
  const node = graph.layers.find(({name}) => name === layer)?.node;
  const beta = node?.operator === 'Gemm' ? floatAttribute(node, 'beta', 1) : 1;
  return vector.map(value => value * beta);
}

/**
 * Whether a bias costs the layer nothing. MatMul takes one only where it gives float: else the Add would stand between it
 * and its rounding, and no integer kernel does that.
 */
export function canHaveBias(graph: Graph, layer: WeightedLayer, isRounded: boolean): boolean {
  const operator = graph.layers.find(({name}) => name === layer.layer)?.operator;
  return operator !== 'MatMul' || !isRounded;
}
