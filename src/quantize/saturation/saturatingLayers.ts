import type {Graph, Layer} from '../../model/graph.ts';
import {elementTypeOfTensor} from '../../model/onnx/tensorData.ts';
import {constantsOf} from '../floatsOfTensor.ts';
import {integerAttribute} from '../nodeAttributes.ts';
import {fusedProduct, type FusedProduct} from './fusedProduct.ts';
import {findRiskyPairs, type RiskyPairs} from './riskyPairs.ts';

/** A layer some of whose sums can leave 16 bits on x86 without VNNI. */
export interface SaturatingLayer extends FusedProduct {
  readonly pairs: RiskyPairs;
}

export interface SaturatingLayers {
  readonly layers: readonly SaturatingLayer[];
  /** Layers of signed weights in a form whose order of sums is not known here, by name. */
  readonly unknown: readonly string[];
}

/** Products of integers that are not in fusedProduct's table. */
const OTHER_PRODUCTS = new Set(['ConvInteger', 'MatMulInteger', 'QAttention', 'DynamicQuantizeLSTM']);

/**
 * The layers of a model, as ONNX Runtime fuses it at level `extended` on x86, that may compute other results on
 * processors without VNNI: none of a build whose weights use 7 bits, or whose weights are unsigned. Depthwise
 * convolutions have kernels of their own, which widen before they add.
 * @see onnxruntime/core/mlas/lib/convsym.cpp, qgemm.h and x86_64/ConvSymKernelAvx2.S, QgemmU8X8KernelAvx2.S
 */
export function findSaturatingLayers(graph: Graph): SaturatingLayers {
  const constants = constantsOf(graph);
  const layers: SaturatingLayer[] = [];
  const unknown: string[] = [];
  for (const layer of graph.layers) {
    const hasSignedWeights = layer.inputs.some(name => {
      const tensor = constants.get(name);
      return tensor !== undefined && tensor.dims.length > 1 && elementTypeOfTensor(tensor) === 'int8';
    });
    if (!hasSignedWeights) continue;
    const product = fusedProduct(layer, constants);
    if (product === null) {
      if (OTHER_PRODUCTS.has(layer.operator)) unknown.push(layer.name);
      continue;
    }
    if (isDepthwise(product)) continue;
    const pairs = findRiskyPairs(product.rows, product.channels, product.depth);
    if (pairs.places.length === 0) continue;
    if (isKnownForm(graph, layer, product)) layers.push({...product, pairs});
    else unknown.push(layer.name);
  }
  return {layers, unknown};
}

function isDepthwise({kind, layer, weight, channels}: FusedProduct): boolean {
  return (
    kind === 'convolution' && weight.dims[1] === 1 && integerAttribute(layer.node, 'group', 1) === channels
  );
}

/** Unsigned inputs, matrices of two axes that are read as they lie, images with the channels first. */
function isKnownForm(
  graph: Graph,
  {node}: Layer,
  {kind, weight, isDynamic, operands}: FusedProduct,
): boolean {
  if (kind === 'convolution' && integerAttribute(node, 'channels_last', 0) !== 0) return false;
  if (kind === 'matrix' && (weight.dims.length !== 2 || integerAttribute(node, 'transA', 0) !== 0))
    return false;
  return isDynamic || graph.tensors.get(operands.inputZeroPoint)?.elementType === 'uint8';
}
