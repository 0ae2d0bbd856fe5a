import {createNode} from '../../model/onnx/createMessages.ts';
import type {OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {floatAttribute, integerAttribute} from '../nodeAttributes.ts';
import {isFloat32, tensorFromTyped, viewFloats} from './floatWeight.ts';
import type {KeptReason} from './loweredModel.ts';
import type {MatrixLayout} from './blocks.ts';
import type {Site} from './rewriteLayers.ts';

/** A MatMul or Gemm with a constant matrix, seen as input · weight · factor + bias. */
export interface MatrixLayer {
  readonly input: string;
  readonly weight: OnnxTensor;
  readonly layout: MatrixLayout;
  /** alpha of Gemm; 1 for MatMul. */
  readonly factor: number;
  /** C of Gemm; beta is 1, or C is a float32 weight. */
  readonly bias: {readonly name: string; readonly beta: number} | null;
}

/** The matrix of a MatMul or Gemm, or why there is none to be had; `null` for other operators. */
export function matrixLayer({node, weight: findWeight}: Site): MatrixLayer | KeptReason | null {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return null;
  if (node.operator !== 'MatMul' && node.operator !== 'Gemm') return null;
  const [input = '', weightName = '', biasName = ''] = node.inputs;
  const weight = findWeight(weightName);
  if (weight === undefined) return findWeight(input) === undefined ? 'weights-not-constant' : 'no-kernel';
  if (!isFloat32(weight)) return 'not-float32';
  const [rows, columns] = weight.dims;
  if (weight.dims.length !== 2 || !rows || !columns) return 'weights-not-a-matrix';
  if (node.operator === 'MatMul') {
    const layout = {depth: rows, width: columns, isTransposed: false};
    return {input, weight, layout, factor: 1, bias: null};
  }
  if (integerAttribute(node, 'transA', 0) !== 0) return 'no-kernel';
  const isTransposed = integerAttribute(node, 'transB', 0) !== 0;
  const beta = floatAttribute(node, 'beta', 1);
  const bias = biasName === '' || beta === 0 ? null : {name: biasName, beta};
  const addend = bias === null ? undefined : findWeight(bias.name);
  const isScalable = addend !== undefined && isFloat32(addend);
  if (bias !== null && beta !== 1 && !isScalable) return 'weights-not-constant';
  return {
    input,
    weight,
    layout: {depth: isTransposed ? columns : rows, width: isTransposed ? rows : columns, isTransposed},
    factor: floatAttribute(node, 'alpha', 1),
    bias,
  };
}

/**
 * The nodes of `makeProduct`, and the layer's bias added where it has one; the last of them makes the layer's output.
 * @param makeProduct nodes that write the product of input and weight, factor included, to the given name
 * @param addition Sum where the product is a MatMul: of MatMul and Add ONNX Runtime makes a Gemm, of that and a Relu a
 * FusedGemm, and that it never fuses with a DequantizeLinear before its weights
 */
export function withBias(
  site: Site,
  {bias}: MatrixLayer,
  makeProduct: (output: string) => readonly OnnxNode[],
  addition: 'Add' | 'Sum' = 'Add',
): readonly OnnxNode[] {
  const [output = ''] = site.node.outputs;
  if (bias === null) return makeProduct(output);
  const product = site.freshName(`${output}/product`);
  const name = site.freshName(`${site.node.name || output}/bias`);
  return [...makeProduct(product), createNode(addition, [product, scaledBias(site, bias)], [output], {name})];
}

function scaledBias(site: Site, {name, beta}: NonNullable<MatrixLayer['bias']>): string {
  const weight = beta === 1 ? undefined : site.weight(name);
  if (weight === undefined) return name;
  return site.derive(weight, `times-${beta}`, scaled =>
    tensorFromTyped(
      scaled,
      'float32',
      weight.dims,
      viewFloats(weight).map(value => value * beta),
    ),
  );
}
