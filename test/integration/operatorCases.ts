import type {Tensor} from '../../src/documents/tensor.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createUntypedValueInfo,
  createValueInfo,
  type AttributeValue,
} from '../../src/model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../../src/model/onnx/messages.ts';
import {tensorFromValue} from '../../src/model/onnx/tensorData.ts';

/** What a node reads at one place; `null` leaves an optional input out. */
export type Operand =
  | {readonly activation: readonly number[]}
  | {readonly weight: readonly number[]; readonly channelAxis: number}
  /** int32, of scale input scale times weight scale. */
  | {readonly bias: number}
  | {readonly constant: Tensor}
  | null;

/** One operator in the smallest form that a runtime's integer kernel takes. */
export interface OperatorCase {
  readonly operator: string;
  readonly operands: readonly Operand[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly outputs?: number;
}

const IMAGE = [1, 16, 16, 16];

export const int64s = (...values: number[]): Tensor => ({
  elementType: 'int64',
  shape: [values.length],
  bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});

export const floats = (shape: readonly number[], values: readonly number[]): Tensor => ({
  elementType: 'float32',
  shape,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

const image: Operand = {activation: IMAGE};
const ints = (...values: number[]): Operand => ({constant: int64s(...values)});
const channels = (value: number): Operand => ({constant: floats([16], new Array<number>(16).fill(value))});
const integers = (...values: number[]): AttributeValue => ({ints: values.map(BigInt)});
const POOLING = {kernel_shape: integers(3, 3), pads: integers(1, 1, 1, 1)};
const unary = (operator: string): OperatorCase => ({operator, operands: [image]});
const binary = (operator: string): OperatorCase => ({operator, operands: [image, image]});

/** Every operator that a capability table names, and the relatives that runtimes are often believed to have. */
export const OPERATOR_CASES: readonly OperatorCase[] = [
  {
    operator: 'Conv',
    operands: [image, {weight: [16, 16, 3, 3], channelAxis: 0}, {bias: 16}],
    attributes: {pads: integers(1, 1, 1, 1)},
  },
  {operator: 'ConvTranspose', operands: [image, {weight: [16, 16, 3, 3], channelAxis: 1}, {bias: 16}]},
  {
    operator: 'Gemm',
    operands: [{activation: [5, 16]}, {weight: [16, 16], channelAxis: 0}, {bias: 16}],
    attributes: {transB: {int: 1n}},
  },
  {operator: 'MatMul', operands: [{activation: [5, 16]}, {weight: [16, 16], channelAxis: 1}]},
  ...['Add', 'Mul', 'Sub', 'Div', 'Max', 'Min', 'Pow', 'PRelu'].map(binary),
  {operator: 'Concat', operands: [image, image], attributes: {axis: {int: 1n}}},
  {
    operator: 'Where',
    operands: [
      {
        constant: {
          elementType: 'bool',
          shape: [16],
          bytes: Uint8Array.from({length: 16}, (_, place) => place % 2),
        },
      },
      image,
      image,
    ],
  },
  {operator: 'AveragePool', operands: [image], attributes: POOLING},
  {operator: 'MaxPool', operands: [image], attributes: POOLING},
  {operator: 'Softmax', operands: [image], attributes: {axis: {int: -1n}}},
  {operator: 'LogSoftmax', operands: [image], attributes: {axis: {int: -1n}}},
  ...['GlobalAveragePool', 'GlobalMaxPool', 'LeakyRelu', 'Sigmoid', 'Tanh', 'HardSigmoid', 'HardSwish'].map(
    unary,
  ),
  ...['Elu', 'Exp', 'Sqrt', 'Abs', 'Neg', 'Erf', 'Softplus', 'Floor', 'Relu'].map(unary),
  {operator: 'Clip', operands: [image, {constant: floats([], [0])}, {constant: floats([], [6])}]},
  {operator: 'LRN', operands: [image], attributes: {size: {int: 3n}}},
  {operator: 'Reshape', operands: [image, ints(1, -1)]},
  {operator: 'Transpose', operands: [image], attributes: {perm: integers(0, 2, 3, 1)}},
  unary('Flatten'),
  {operator: 'Squeeze', operands: [image, ints(0)]},
  {operator: 'Unsqueeze', operands: [image, ints(0)]},
  {operator: 'Slice', operands: [image, ints(0), ints(4), ints(1)]},
  {operator: 'Split', operands: [image], attributes: {axis: {int: 1n}}, outputs: 2},
  {operator: 'Expand', operands: [image, ints(2, 16, 16, 16)]},
  {operator: 'Tile', operands: [image, ints(1, 1, 2, 1)]},
  {operator: 'Gather', operands: [image, ints(0, 2)], attributes: {axis: {int: 1n}}},
  {
    operator: 'GatherElements',
    operands: [
      {activation: [16, 16]},
      {constant: {...int64s(...Array.from({length: 16}, (_, place) => place)), shape: [1, 16]}},
    ],
    attributes: {axis: {int: 0n}},
  },
  {
    operator: 'Resize',
    operands: [image, null, {constant: floats([4], [1, 1, 2, 2])}],
    attributes: {mode: {string: new TextEncoder().encode('nearest')}},
  },
  {operator: 'Pad', operands: [image, ints(0, 0, 1, 1, 0, 0, 1, 1)]},
  {operator: 'DepthToSpace', operands: [image], attributes: {blocksize: {int: 2n}}},
  {operator: 'SpaceToDepth', operands: [image], attributes: {blocksize: {int: 2n}}},
  {operator: 'ReduceMax', operands: [image], attributes: {axes: integers(2)}},
  {operator: 'ReduceMin', operands: [image], attributes: {axes: integers(2)}},
  {operator: 'ReduceMean', operands: [image], attributes: {axes: integers(2, 3)}},
  {operator: 'ReduceSum', operands: [image, ints(2)]},
  {operator: 'CumSum', operands: [image, ints(1)]},
  {operator: 'BatchNormalization', operands: [image, channels(2), channels(0), channels(0), channels(1)]},
  {operator: 'InstanceNormalization', operands: [image, channels(2), channels(0)]},
  {operator: 'LayerNormalization', operands: [image, channels(2)]},
];

/** `own`: outputs have a scale of their own; `input`: they have the input's. */
export type OutputScale = 'own' | 'input';

/**
 * The operator between DequantizeLinear and QuantizeLinear, as a quantised model has it: activations uint8, weights int8
 * per channel. Opset 17.
 */
export function quantizedOperatorModel(
  {operator, operands, attributes = {}, outputs = 1}: OperatorCase,
  outputScale: OutputScale,
): OnnxModel {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: [string, readonly number[]][] = [];
  const constant = (name: string, tensor: Tensor): string => {
    initializers.push(tensorFromValue(name, tensor));
    return name;
  };
  const scalar = (name: string, value: number): string => constant(name, floats([], [value]));
  const scales = {
    input: scalar('input_scale', INPUT_SCALE),
    own: scalar('own_scale', INPUT_SCALE * 3),
  };
  const zeroPoint = constant('zero_point', {elementType: 'uint8', shape: [], bytes: Uint8Array.of(100)});
  const rounded = (name: string, scale: string): string => {
    nodes.push(
      createNode('QuantizeLinear', [name, scale, zeroPoint], [`${name}_integer`]),
      createNode('DequantizeLinear', [`${name}_integer`, scale, zeroPoint], [`${name}_rounded`]),
    );
    return `${name}_rounded`;
  };
  const perChannel = (name: string, tensor: Tensor, scale: number, count: number, axis: number): string => {
    const scaleName = constant(`${name}_scale`, floats([count], new Array<number>(count).fill(scale)));
    const zero = constant(`${name}_zero`, {
      elementType: tensor.elementType,
      shape: [count],
      bytes: new Uint8Array((count * tensor.bytes.length) / elementsOf(tensor.shape)),
    });
    nodes.push(
      createNode('DequantizeLinear', [constant(`${name}_integer`, tensor), scaleName, zero], [name], {
        attributes: [createAttribute('axis', {int: BigInt(axis)})],
      }),
    );
    return name;
  };
  const names = operands.map((operand, place) => {
    if (operand === null) return '';
    if ('constant' in operand) return constant(`constant_${place}`, operand.constant);
    if ('bias' in operand) {
      const bias: Tensor = {
        elementType: 'int32',
        shape: [operand.bias],
        bytes: new Uint8Array(Int32Array.from({length: operand.bias}, (_, index) => index * 50 - 300).buffer),
      };
      return perChannel('bias', bias, Math.fround(INPUT_SCALE * WEIGHT_SCALE), operand.bias, 0);
    }
    if ('weight' in operand) {
      const {weight: shape, channelAxis} = operand;
      const bytes = Uint8Array.from({length: elementsOf(shape)}, (_, index) => (index * 37) % 251);
      const count = shape[channelAxis] ?? 1;
      return perChannel('weight', {elementType: 'int8', shape, bytes}, WEIGHT_SCALE, count, channelAxis);
    }
    const name = `x${inputs.length}`;
    inputs.push([name, operand.activation]);
    return rounded(name, scales.input);
  });
  const results = Array.from({length: outputs}, (_, index) => `y${index}`);
  nodes.push(
    createNode(operator, names, results, {
      name: operator,
      attributes: Object.entries(attributes).map(([name, value]) => createAttribute(name, value)),
    }),
  );
  const outputNames = results.map(name => rounded(name, scales[outputScale]));
  return createModel(
    createGraph({
      nodes,
      initializers,
      inputs: inputs.map(([name, dims]) => createValueInfo(name, 'float32', dims)),
      outputs: outputNames.map(createUntypedValueInfo),
    }),
  );
}

const INPUT_SCALE = 0.05;
const WEIGHT_SCALE = 0.01;

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
