import type {Graph, Layer} from '../../model/graph.ts';
import {integerAttribute} from '../nodeAttributes.ts';

/** A product of rows with a constant matrix that nothing else reads. */
export interface ProductOperands {
  readonly input: string;
  readonly weight: string;
  /** Axis of the weight along which it is multiplied with the input; the other one has the output's channels. */
  readonly inputAxis: 0 | 1;
  readonly bias: string | null;
}

/** `null` for any other layer, products of activations among them. */
export function productOperands(graph: Graph, {operator, domain, node}: Layer): ProductOperands | null {
  const [input = '', weight = '', bias = ''] = node.inputs;
  const isProduct = domain === '' && (operator === 'MatMul' || operator === 'Gemm');
  if (!isProduct || graph.tensors.get(weight)?.shape?.length !== 2) return null;
  const constants = bias === '' ? [weight] : [weight, bias];
  if (!constants.every(name => isOwnConstant(graph, name)) || input === weight) return null;
  if (operator === 'MatMul') return {input, weight, inputAxis: 0, bias: null};
  if (integerAttribute(node, 'transA', 0) !== 0) return null;
  const inputAxis = integerAttribute(node, 'transB', 0) === 0 ? 0 : 1;
  return {input, weight, inputAxis, bias: bias === '' ? null : bias};
}

/** A dense float32 constant that one layer reads, once. */
export function isOwnConstant(graph: Graph, name: string): boolean {
  const tensor = graph.tensors.get(name);
  const [reader = -1, ...others] = tensor?.consumers ?? [];
  const isReadOnce = graph.layers[reader]?.node.inputs.filter(input => input === name).length === 1;
  return (
    tensor?.isWeight === true &&
    tensor.elementType === 'float32' &&
    !tensor.isSparse &&
    !tensor.isOutput &&
    isReadOnce &&
    others.length === 0
  );
}
