import {elementTypeFromOnnxCode, type ElementType} from '../documents/elementTypes.ts';
import type {Graph, Layer} from './graph.ts';
import type {OnnxTensor} from './onnx/messages.ts';
import {bodiesOf} from './subgraphs.ts';

/**
 * What the runtime cannot hand out: a 4-bit output aborts the whole process, 8-bit floats, bfloat16 and complex numbers
 * are refused when the model is opened (ONNX Runtime 1.30).
 */
export function isPortable(elementType: ElementType): boolean {
  return !/^(u?int4|float4|float8|bfloat16|complex)/.test(elementType);
}

/** Operators whose (first) result is a sequence or an optional. */
const MAKES_OTHER_KIND = new Set([
  'SequenceConstruct',
  'SequenceEmpty',
  'SequenceInsert',
  'SequenceErase',
  'SequenceMap',
  'SplitToSequence',
  'Optional',
  'ZipMap',
]);
/** Operators that may hand on a sequence or optional as it is. */
const PASSES_KIND = new Set(['Identity', 'Optional', 'OptionalGetElement']);
/** Operators whose result is of another type or kind than their inputs, so that a 4-bit or sequence input says nothing. */
const CHANGES_TYPE = new Set([
  'DequantizeLinear',
  'Shape',
  'Size',
  'MatMulNBits',
  'GatherBlockQuantized',
  'ConcatFromSequence',
  'SequenceAt',
  'SequenceLength',
  'OptionalHasElement',
]);

/**
 * Names of the tensors that may not become an output or cross a cut: of a type the runtime cannot hand out, or no tensors
 * at all (sequences, maps, optionals). Decided from declared types where there are some, else from operators,
 * attributes and the types of what flows in.
 */
export function unportableTensors(graph: Graph): Set<string> {
  const found = new Set<string>();
  for (const tensor of graph.tensors.values()) {
    if (!tensor.isTensor || tensor.isSparse || (tensor.elementType && !isPortable(tensor.elementType))) {
      found.add(tensor.name);
    }
  }
  for (const layer of graph.layers) {
    layer.outputs.forEach(name => {
      if (graph.tensors.get(name)?.elementType === undefined && mayBeUnportable(graph, layer, name, found)) {
        found.add(name);
      }
    });
  }
  return found;
}

function mayBeUnportable(graph: Graph, layer: Layer, output: string, found: ReadonlySet<string>): boolean {
  const {operator, node} = layer;
  if (MAKES_OTHER_KIND.has(operator)) return true;
  if (PASSES_KIND.has(operator)) return layer.inputs.some(name => found.has(name));
  const place = node.outputs.indexOf(output);
  for (const body of bodiesOf(node)) {
    // Loop's first body output is its condition, which is not among the node's outputs.
    const type = body.outputs[operator === 'Loop' ? place + 1 : place]?.type;
    if (type !== undefined && type.tensor === undefined) return true;
    if (type?.tensor && isUnportableCode(type.tensor.elementTypeCode)) return true;
  }
  const target = node.attributes.find(
    ({name}) => name === 'to' || name === 'output_dtype' || name === 'dtype',
  )?.int;
  if (target !== undefined && target !== 0n) return isUnportableCode(Number(target));
  const value: OnnxTensor | undefined = node.attributes.find(({name}) => name === 'value')?.tensor;
  if (value !== undefined) return isUnportableCode(value.elementTypeCode);
  if (CHANGES_TYPE.has(operator)) return false;
  if (operator === 'QuantizeLinear') return found.has(node.inputs[2] ?? '');
  return layer.inputs.some(name => {
    const type = graph.tensors.get(name)?.elementType;
    return (
      found.has(name) &&
      (type === undefined || !isPortable(type)) &&
      graph.tensors.get(name)?.isTensor === true
    );
  });
}

function isUnportableCode(code: number): boolean {
  const elementType = elementTypeFromOnnxCode(code);
  return elementType === undefined ? code !== 0 : !isPortable(elementType);
}
