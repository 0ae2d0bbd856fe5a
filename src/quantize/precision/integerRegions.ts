import type {OnnxNode} from '../../model/onnx/messages.ts';
import type {GraphView} from './graphView.ts';

/** They turn floats into integers, or back, or compute on integers with float scales. */
export const ON_INTEGERS: ReadonlySet<string> = new Set([
  'ConvInteger',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'DynamicQuantizeLSTM',
  'DynamicQuantizeMatMul',
  'MatMulInteger',
  'MatMulIntegerToFloat',
  'QAttention',
  'QGemm',
  'QLinearAdd',
  'QLinearAveragePool',
  'QLinearConcat',
  'QLinearConv',
  'QLinearGlobalAveragePool',
  'QLinearLeakyRelu',
  'QLinearMatMul',
  'QLinearMul',
  'QLinearSigmoid',
  'QLinearSoftmax',
  'QLinearWhere',
  'QuantizeLinear',
]);

/** Their first operands are multiplied with weights. */
const WEIGHTED: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/**
 * Layers that a runtime fuses to integer kernels: QuantizeLinear, DequantizeLinear, and layers between them whose floats
 * all come from the latter and are weighted there, or all go to the former. Kernels are fused only while scales and
 * what lies between stay float32.
 */
export function integerRegions(view: GraphView): Set<OnnxNode> {
  const region = new Set<OnnxNode>();
  for (const node of view.nodes) {
    if (ON_INTEGERS.has(node.operator)) {
      region.add(node);
      continue;
    }
    const given = node.inputs.filter(
      name => view.typeOf(name) === 'float32' && view.constant(name) === undefined,
    );
    const isFed = given.length > 0 && given.every(name => isInRegion(view.producers.get(name), region));
    const isWeighted = WEIGHTED.has(node.operator) && given.length > 1;
    if (isFed && (isWeighted || isRequantized(node, view))) region.add(node);
  }
  return region;
}

function isInRegion(producer: OnnxNode | undefined, region: ReadonlySet<OnnxNode>): boolean {
  return producer !== undefined && producer.operator !== 'QuantizeLinear' && region.has(producer);
}

function isRequantized({outputs}: OnnxNode, {consumers, outputs: graphOutputs}: GraphView): boolean {
  return outputs.every(name => {
    const readers = consumers.get(name) ?? [];
    return (
      readers.length > 0 &&
      readers.every(({operator}) => operator === 'QuantizeLinear') &&
      !graphOutputs.has(name)
    );
  });
}
