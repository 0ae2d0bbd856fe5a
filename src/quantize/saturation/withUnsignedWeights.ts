import {dropUnused} from '../../model/dropUnused.ts';
import {freshTensorNames, type TakeName} from '../../model/freshNames.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {copyOfTensor, elementTypeOfTensor, tensorFromValue} from '../../model/onnx/tensorData.ts';

/** int8 values plus this are uint8 values. */
const HALF_BYTE = 128;
const PRODUCTS = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** Places of the int8 constant, of its scale and of its zero point, where a node may have unsigned ones instead. */
const OPERANDS: Readonly<Record<string, {integers: number; scale: number | null; zeroPoint: number}>> = {
  DequantizeLinear: {integers: 0, scale: 1, zeroPoint: 2},
  ConvInteger: {integers: 1, scale: null, zeroPoint: 3},
  MatMulInteger: {integers: 1, scale: null, zeroPoint: 3},
};

/**
 * The same model with constant int8 weights of products as uint8, and zero points greater by as much: equal in exact
 * arithmetic. On x86 without VNNI the runtime's kernels for unsigned weights widen before they add, so that the sums there
 * are those of every other processor.
 * @see https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, "When to use reduce-range"
 */
export function withUnsignedWeights(model: OnnxModel): OnnxModel {
  const {graph} = model;
  const constants = new Map(graph.initializers.map(tensor => [tensor.name, tensor]));
  const weights = new Set(productInputs(graph.nodes));
  const takeName = freshTensorNames(model);
  const unsigned = startUnsigned(constants, takeName);
  const nodes = graph.nodes.map(node => {
    const places = OPERANDS[node.operator];
    if (places === undefined) return node;
    if (node.operator === 'DequantizeLinear' && !node.outputs.every(name => weights.has(name))) return node;
    const integers = constants.get(node.inputs[places.integers] ?? '');
    if (integers === undefined || !isSigned(integers)) return node;
    const zeroName = node.inputs[places.zeroPoint] ?? '';
    const zero = constants.get(zeroName);
    if (zeroName !== '' && (zero === undefined || !isSigned(zero))) return node;
    const scale = places.scale === null ? undefined : constants.get(node.inputs[places.scale] ?? '');
    const inputs = [...node.inputs];
    inputs[places.integers] = unsigned.of(integers);
    inputs[places.zeroPoint] = zero === undefined ? unsigned.zero(scale?.dims ?? []) : unsigned.of(zero);
    return {...node, inputs: Array.from(inputs, name => name ?? '')};
  });
  const made = unsigned.made();
  if (made.length === 0) return model;
  return dropUnused({...model, graph: {...graph, nodes, initializers: [...graph.initializers, ...made]}});
}

/** What products read. */
function productInputs(nodes: readonly OnnxNode[]): string[] {
  return nodes.flatMap(({operator, inputs}) => (PRODUCTS.has(operator) ? inputs.slice(0, 2) : []));
}

function isSigned(tensor: OnnxTensor): boolean {
  return elementTypeOfTensor(tensor) === 'int8';
}

/** Each constant once, however many layers read it. */
function startUnsigned(constants: ReadonlyMap<string, OnnxTensor>, takeName: TakeName) {
  const made = new Map<string, OnnxTensor>();
  const make = (key: string, wanted: string, shape: readonly number[], bytes: () => Uint8Array): string => {
    const known = made.get(key);
    if (known !== undefined) return known.name;
    const tensor = tensorFromValue(takeName(wanted), {elementType: 'uint8', shape, bytes: bytes()});
    made.set(key, tensor);
    return tensor.name;
  };
  return {
    of: ({name, dims}: OnnxTensor): string =>
      make(`of ${name}`, `${name}_unsigned`, dims, () =>
        copyOfTensor(constants.get(name) as OnnxTensor).map(byte => byte ^ HALF_BYTE),
      ),
    zero: (shape: readonly number[]): string =>
      make(`zero ${shape.join()}`, 'unsigned_zero', shape, () =>
        new Uint8Array(shape.reduce((product, size) => product * size, 1)).fill(HALF_BYTE),
      ),
    made: (): OnnxTensor[] => [...made.values()],
  };
}
