import type {OnnxTensor} from '../../model/onnx/messages.ts';
import {integerAttribute} from '../nodeAttributes.ts';
import {isFloat32} from './floatWeight.ts';
import type {KeptReason} from './loweredModel.ts';
import {matrixLayer, type MatrixLayer} from './matrixLayer.ts';
import type {MatrixLayout} from './blocks.ts';
import type {Site} from './rewriteLayers.ts';

/** Weights that block quantisation can take, seen as a matrix. */
export type BlockTarget = {readonly weight: OnnxTensor; readonly layout: MatrixLayout} & (
  | {readonly kind: 'matrix'; readonly matrix: MatrixLayer}
  /** Rows of which a Gather takes some, such as the embeddings of words; blocks lie along the rows. */
  | {readonly kind: 'table'}
  /** Of a convolution, one row per output channel (input channel of ConvTranspose); blocks lie along the rows. */
  | {readonly kind: 'filters'}
);

/** What there is to quantise at a node, or why there is nothing; `null` for layers without weights. */
export function blockTarget(site: Site): BlockTarget | KeptReason | null {
  const {node} = site;
  if (node.domain !== '' && node.domain !== 'ai.onnx') return hasWeights(site) ? 'no-kernel' : null;
  switch (node.operator) {
    case 'MatMul':
    case 'Gemm': {
      const matrix = matrixLayer(site);
      if (matrix === null || typeof matrix === 'string') return matrix;
      return {kind: 'matrix', weight: matrix.weight, layout: matrix.layout, matrix};
    }
    case 'Gather':
      return tableOf(site);
    case 'Conv':
    case 'ConvTranspose':
      return filtersOf(site);
    default:
      return hasWeights(site) ? 'no-kernel' : null;
  }
}

/** Those of LSTM, of attention in one operator, or of positions that are added: matrices, though of no known kind. */
function hasWeights({node, weight: findWeight}: Site): boolean {
  return node.inputs.some(name => {
    const weight = findWeight(name);
    return weight !== undefined && weight.dims.filter(size => size > 1).length > 1 && isFloat32(weight);
  });
}

/** Tables of anything but floats (shapes, for one) are none of our business. */
function tableOf({node, weight: findWeight}: Site): BlockTarget | KeptReason | null {
  const table = findWeight(node.inputs[0] ?? '');
  if (table === undefined || !isFloat32(table)) return null;
  const [rows, columns] = table.dims;
  if (table.dims.length !== 2 || !rows || !columns) return 'weights-not-a-matrix';
  if (integerAttribute(node, 'axis', 0) !== 0) return 'no-kernel';
  return {kind: 'table', weight: table, layout: {depth: columns, width: rows, isTransposed: true}};
}

function filtersOf({node, weight: findWeight}: Site): BlockTarget | KeptReason {
  const weight = findWeight(node.inputs[1] ?? '');
  if (weight === undefined) return 'weights-not-constant';
  if (!isFloat32(weight)) return 'not-float32';
  const [rows = 0, ...rest] = weight.dims;
  const depth = rest.reduce((product, size) => product * size, 1);
  if (rows * depth === 0) return 'weights-not-a-matrix';
  return {kind: 'filters', weight, layout: {depth, width: rows, isTransposed: true}};
}
