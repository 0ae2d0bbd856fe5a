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
import {floats} from './operatorCases.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';

/** One weighted layer in QDQ form whose weights are large enough to saturate, and an input that makes them do so. */
export interface SaturatingCase {
  readonly title: string;
  readonly model: OnnxModel;
  readonly input: Tensor;
  /** Whether processors without VNNI give another result. */
  readonly saturates: boolean;
}

interface CaseOptions {
  readonly operator: 'Conv' | 'MatMul' | 'Gemm';
  readonly input: readonly number[];
  readonly weight: readonly number[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly isPerChannel?: boolean;
  readonly hasBias?: boolean;
  readonly givesFloat?: boolean;
  readonly weightType?: 'int8' | 'uint8';
  /** Half the range, as builds for x86 without VNNI have it. */
  readonly weightBits?: 8 | 7;
}

const INPUT_SCALE = 0.05;
const INPUT_ZERO_POINT = 37;
const OUTPUT_SCALE = 4;

const ints = (...values: number[]): AttributeValue => ({ints: values.map(BigInt)});
const int = (value: number): AttributeValue => ({int: BigInt(value)});

/** What differs between the paths that MLAS takes: see qlinearconv.cc and qgemm.h. */
export const SATURATING_CASES: readonly SaturatingCase[] = [
  caseOf('a convolution of 8 to 16 channels', conv([1, 8, 7, 7], [16, 8, 3, 3], {pads: ints(1, 1, 1, 1)})),
  caseOf(
    'a convolution of 3 channels, as of pictures',
    conv([1, 3, 7, 7], [16, 3, 3, 3], {pads: ints(1, 1, 1, 1)}),
  ),
  caseOf('a convolution of 5 to 7 channels', conv([1, 5, 6, 6], [7, 5, 3, 3])),
  caseOf('a pointwise convolution', conv([1, 8, 5, 5], [16, 8, 1, 1])),
  caseOf(
    'a convolution with strides',
    conv([1, 16, 7, 7], [32, 16, 3, 3], {strides: ints(2, 2), pads: ints(1, 1, 1, 1)}),
  ),
  caseOf(
    'a convolution with dilations',
    conv([1, 8, 7, 7], [16, 8, 3, 3], {dilations: ints(2, 2), pads: ints(2, 2, 2, 2)}),
  ),
  caseOf('a convolution padded on one side only', conv([1, 4, 6, 6], [8, 4, 3, 3], {pads: ints(0, 0, 2, 1)})),
  caseOf(
    'a convolution that pads by itself',
    conv([1, 8, 6, 6], [16, 8, 3, 3], {auto_pad: sameLower(), strides: ints(2, 2)}),
  ),
  caseOf('a convolution of two pictures', conv([2, 8, 5, 5], [16, 8, 3, 3])),
  caseOf('a depthwise convolution of 16 channels', conv([1, 16, 6, 6], [16, 1, 3, 3], {group: int(16)})),
  caseOf('a depthwise convolution of 12 channels', conv([1, 12, 6, 6], [12, 1, 3, 3], {group: int(12)})),
  caseOf(
    'a depthwise convolution with two outputs per channel',
    conv([1, 6, 6, 6], [12, 1, 3, 3], {group: int(6)}),
  ),
  caseOf('a convolution of two groups', conv([1, 8, 6, 6], [16, 4, 3, 3], {group: int(2)})),
  caseOf('a convolution of one axis', conv([1, 8, 9], [16, 8, 3])),
  caseOf('a convolution of three axes', conv([1, 6, 4, 4, 4], [5, 6, 2, 2, 2])),
  caseOf('a convolution with one weight scale', {...conv([1, 8, 5, 5], [16, 8, 3, 3]), isPerChannel: false}),
  caseOf('a matrix product of odd depth', {operator: 'MatMul', input: [7, 37], weight: [37, 19]}),
  caseOf('a matrix product of one row', {operator: 'MatMul', input: [1, 64], weight: [64, 32]}),
  caseOf('a matrix product that gives float', {
    operator: 'MatMul',
    input: [1, 64],
    weight: [64, 32],
    givesFloat: true,
  }),
  caseOf('a matrix product of three axes', {
    operator: 'MatMul',
    input: [2, 3, 40],
    weight: [40, 48],
    isPerChannel: false,
  }),
  caseOf('a fully connected layer', gemm([4, 40], [16, 40], {transB: int(1)})),
  caseOf('a fully connected layer, its weights not transposed', gemm([1, 50], [50, 10], {})),
  caseOf('a deep fully connected layer that gives float', {
    ...gemm([1, 300], [16, 300], {transB: int(1)}),
    givesFloat: true,
  }),
  dynamicCase('a matrix product of dynamic quantisation', [130, 24], false),
  dynamicCase('a matrix product of dynamic quantisation with a bias', [64, 40], true),
  caseOf('weights of 7 bits', {...conv([1, 8, 5, 5], [16, 8, 3, 3]), weightBits: 7}),
  caseOf('unsigned weights', {...conv([1, 8, 5, 5], [16, 8, 3, 3]), weightType: 'uint8'}),
];

function conv(
  input: readonly number[],
  weight: readonly number[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): CaseOptions {
  return {operator: 'Conv', input, weight, attributes, hasBias: true};
}

function gemm(
  input: readonly number[],
  weight: readonly number[],
  attributes: Readonly<Record<string, AttributeValue>>,
): CaseOptions {
  return {operator: 'Gemm', input, weight, attributes, hasBias: true};
}

function sameLower(): AttributeValue {
  return {string: new TextEncoder().encode('SAME_LOWER')};
}

function caseOf(title: string, options: CaseOptions): SaturatingCase {
  const {operator, attributes = {}, isPerChannel = true, hasBias = false, givesFloat = false} = options;
  const {weightType = 'int8', weightBits = 8} = options;
  const random = seededNumbers(title.length * 1000 + options.weight.length);
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const constant = (name: string, tensor: Tensor): string => {
    initializers.push(tensorFromValue(name, tensor));
    return name;
  };
  const byte = (name: string, value: number): string =>
    constant(name, {elementType: 'uint8', shape: [], bytes: Uint8Array.of(value)});
  const roundTo = (name: string, scale: number, zeroPoint: number): string => {
    const parameters = [constant(`${name}_scale`, floats([], [scale])), byte(`${name}_zero`, zeroPoint)];
    nodes.push(
      createNode('QuantizeLinear', [name, ...parameters], [`${name}_integer`]),
      createNode('DequantizeLinear', [`${name}_integer`, ...parameters], [`${name}_rounded`]),
    );
    return `${name}_rounded`;
  };
  const axis = operator === 'Conv' || 'transB' in attributes ? 0 : options.weight.length - 1;
  const channels = options.weight[axis] ?? 1;
  const scaleCount = isPerChannel ? channels : 1;
  const weightScales = Array.from({length: scaleCount}, (_, channel) => 0.008 + (0.012 * channel) / channels);
  const scaleTensor = (values: readonly number[]): Tensor => floats(isPerChannel ? [channels] : [], values);
  const dequantize = (name: string, value: Tensor, scales: readonly number[], at: number): string => {
    const zeros = new Uint8Array(scales.length * (value.elementType === 'int32' ? 4 : 1));
    if (value.elementType === 'uint8') zeros.fill(128);
    const zero: Tensor = {
      elementType: value.elementType,
      shape: isPerChannel ? [channels] : [],
      bytes: zeros,
    };
    const inputs = [constant(`${name}_integer`, value), constant(`${name}_scale`, scaleTensor(scales))];
    nodes.push(
      createNode('DequantizeLinear', [...inputs, constant(`${name}_zero`, zero)], [name], {
        attributes: isPerChannel ? [createAttribute('axis', int(at))] : [],
      }),
    );
    return name;
  };
  const weights = Int8Array.from({length: elementsOf(options.weight)}, () => largeWeight(random, weightBits));
  const bytes = new Uint8Array(weights.buffer).map(value => (weightType === 'uint8' ? value ^ 128 : value));
  const names = [
    roundTo('x', INPUT_SCALE, INPUT_ZERO_POINT),
    dequantize('weight', {elementType: weightType, shape: options.weight, bytes}, weightScales, axis),
  ];
  if (hasBias) {
    const bias = Int32Array.from({length: channels}, () => Math.floor(random() * 6000) - 3000);
    const scales = weightScales.map(scale => Math.fround(Math.fround(INPUT_SCALE) * Math.fround(scale)));
    const value: Tensor = {elementType: 'int32', shape: [channels], bytes: new Uint8Array(bias.buffer)};
    names.push(dequantize('bias', value, scales, 0));
  }
  nodes.push(
    createNode(operator, names, ['y'], {
      name: 'product',
      attributes: Object.entries(attributes).map(([name, value]) => createAttribute(name, value)),
    }),
  );
  const output = givesFloat ? 'y' : roundTo('y', OUTPUT_SCALE, INPUT_ZERO_POINT);
  const graph = createGraph({
    nodes,
    initializers,
    inputs: [createValueInfo('x', 'float32', options.input)],
    outputs: [createUntypedValueInfo(output)],
  });
  const input = floats(
    options.input,
    Array.from({length: elementsOf(options.input)}, () => INPUT_SCALE * Math.floor(60 + random() * 158)),
  );
  const {group} = attributes;
  const isDepthwise =
    options.weight[1] === 1 && group !== undefined && 'int' in group && Number(group.int) === channels;
  const saturates = weightType === 'int8' && weightBits === 8 && !isDepthwise;
  return {title, model: createModel(graph), input, saturates};
}

/** As dynamic quantisation writes a product: the input is quantised by the range it has in this run. */
function dynamicCase(
  title: string,
  [depth, channels]: readonly [number, number],
  hasBias: boolean,
): SaturatingCase {
  const random = seededNumbers(title.length);
  const weight = Int8Array.from({length: depth * channels}, () => largeWeight(random, 8));
  const scales = Array.from({length: channels}, (_, channel) => 0.008 + (0.012 * channel) / channels);
  const initializers: readonly (readonly [string, Tensor])[] = [
    ['w', {elementType: 'int8', shape: [depth, channels], bytes: new Uint8Array(weight.buffer)}],
    ['w_zero', {elementType: 'int8', shape: [channels], bytes: new Uint8Array(channels)}],
    ['w_scale', floats([channels], scales)],
    [
      'b',
      floats(
        [channels],
        scales.map(scale => scale * 900 - 9),
      ),
    ],
  ];
  const nodes = [
    createNode('DynamicQuantizeLinear', ['x'], ['x_integer', 'x_scale', 'x_zero']),
    createNode('MatMulInteger', ['x_integer', 'w', 'x_zero', 'w_zero'], ['sums'], {name: 'product'}),
    createNode('Cast', ['sums'], ['float_sums'], {attributes: [createAttribute('to', int(1))]}),
    createNode('Mul', ['x_scale', 'w_scale'], ['scale']),
    createNode('Mul', ['float_sums', 'scale'], [hasBias ? 'scaled' : 'y']),
    ...(hasBias ? [createNode('Add', ['scaled', 'b'], ['y'])] : []),
  ];
  const graph = createGraph({
    nodes,
    initializers: initializers
      .filter(([name]) => hasBias || name !== 'b')
      .map(([name, tensor]) => tensorFromValue(name, tensor)),
    inputs: [createValueInfo('x', 'float32', [3, depth])],
    outputs: [createUntypedValueInfo('y')],
  });
  const input = floats(
    [3, depth],
    Array.from({length: 3 * depth}, () => random() * 4 - 0.3),
  );
  return {title, model: createModel(graph), input, saturates: true};
}

/** Half of them the largest there is, so that neighbours of one sign are common. */
function largeWeight(random: () => number, bits: 8 | 7): number {
  const largest = bits === 7 ? 64 : 127;
  return random() < 0.5 ? largest : Math.floor(random() * (2 * largest + 1)) - largest;
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
