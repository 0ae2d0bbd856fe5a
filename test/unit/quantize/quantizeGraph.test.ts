import {describe, expect, it} from 'vitest';
import type {QuantizationScheme} from '../../../src/documents/quantizationScheme.ts';
import {rangeFromBytes} from '../../../src/model/onnx/byteSource.ts';
import type {Graph} from '../../../src/model/graph.ts';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../../../src/model/onnx/messages.ts';
import {bytesOfTensor, elementTypeOfTensor} from '../../../src/model/onnx/tensorData.ts';
import {planQuantization, tensorsToMeasure} from '../../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../../src/quantize/quantizeGraph.ts';
import type {CorrectedValues, TensorRange} from '../../../src/quantize/quantizationPlan.ts';
import {float, integer, integers, Network} from './networks.ts';
import {SYMMETRIC, U8S8} from './schemes.ts';

const IMAGE = [1, 4, 8, 8];

function quantized(
  graph: Graph,
  scheme: QuantizationScheme = U8S8,
  corrected: Partial<CorrectedValues> = {},
  range: TensorRange = {min: -1, max: 2},
): OnnxModel {
  const plan = planQuantization(graph, scheme);
  const ranges = new Map(tensorsToMeasure(plan).map((name, at) => [name, {...range, max: range.max + at}]));
  return quantizeGraph(graph, plan, scheme, ranges, corrected);
}

function nodeNamed({graph}: OnnxModel, name: string): OnnxNode {
  const node = graph.nodes.find(one => one.name === name);
  if (node === undefined) throw new Error(`no layer ${name}`);
  return node;
}

/** The node that makes the tensor. */
function makerOf({graph}: OnnxModel, tensor: string | undefined): OnnxNode | undefined {
  return graph.nodes.find(({outputs}) => outputs.includes(tensor ?? ''));
}

function constantNamed({graph}: OnnxModel, name: string | undefined): OnnxTensor {
  const tensor = graph.initializers.find(one => one.name === name);
  if (tensor === undefined) throw new Error(`no constant ${name}`);
  return tensor;
}

function numbersOf(tensor: OnnxTensor): number[] {
  const {buffer} = new Uint8Array(bytesOfTensor(tensor));
  const type = elementTypeOfTensor(tensor);
  if (type === 'float32') return [...new Float32Array(buffer)];
  if (type === 'int32') return [...new Int32Array(buffer)];
  if (type === 'int8') return [...new Int8Array(buffer)];
  if (type === 'uint16') return [...new Uint16Array(buffer)];
  return [...new Uint8Array(buffer)];
}

/** Integers and scales behind a weight or bias of a layer. */
function integersOf(model: OnnxModel, layer: string, place: number) {
  const dequantize = makerOf(model, nodeNamed(model, layer).inputs[place]);
  const [values, scale, zeroPoint] = dequantize?.inputs ?? [];
  return {
    tensor: constantNamed(model, values),
    values: numbersOf(constantNamed(model, values)),
    scales: numbersOf(constantNamed(model, scale)),
    zeroPoints: zeroPoint === undefined ? null : numbersOf(constantNamed(model, zeroPoint)),
    axis: dequantize?.attributes.find(({name}) => name === 'axis')?.int,
  };
}

function countOf({graph}: OnnxModel, operator: string): number {
  return graph.nodes.filter(node => node.operator === operator).length;
}

function twoConvolutions(): Graph {
  const net = new Network();
  const relu = net.layer('relu', 'Relu', [net.conv('a', net.input('x', IMAGE), 4, 4)]);
  return net.graph([net.conv('b', relu, 4, 4)]);
}

describe('a quantised model', () => {
  it('keeps the names of inputs, outputs and layers, and of tensors behind their pair', () => {
    const model = quantized(twoConvolutions());
    const graph = graphFromModel(model);
    expect(graph.inputs).toEqual(['x']);
    expect(graph.outputs).toEqual(['b']);
    expect(nodeNamed(model, 'a').outputs).toEqual(['a']);
    expect(makerOf(model, 'relu')?.operator).toBe('DequantizeLinear');
    expect(nodeNamed(model, 'b').outputs).toEqual(['b_unrounded']);
    expect(makerOf(model, 'b')?.operator).toBe('DequantizeLinear');
  });

  it('has one pair per activation, and none for what has been absorbed', () => {
    const model = quantized(twoConvolutions());
    expect(countOf(model, 'QuantizeLinear')).toBe(3);
    expect(countOf(model, 'DequantizeLinear')).toBe(3 + 4);
    expect(countOf(model, 'Relu')).toBe(0);
  });

  it('has int8 weights with a scale per channel, and int32 biases without a zero point', () => {
    const model = quantized(twoConvolutions());
    const weights = integersOf(model, 'a', 1);
    expect(elementTypeOfTensor(weights.tensor)).toBe('int8');
    expect(weights.tensor.dims).toEqual([4, 4, 3, 3]);
    expect(weights.scales).toHaveLength(4);
    expect(weights.zeroPoints).toEqual([0, 0, 0, 0]);
    expect(weights.axis).toBe(0n);
    const bias = integersOf(model, 'a', 2);
    expect(elementTypeOfTensor(bias.tensor)).toBe('int32');
    expect(bias.zeroPoints).toBeNull();
    expect(bias.axis).toBe(0n);
    const inputScale = numbersOf(
      constantNamed(model, makerOf(model, nodeNamed(model, 'a').inputs[0])?.inputs[1]),
    )[0]!;
    expect(bias.scales).toEqual(weights.scales.map(scale => Math.fround(scale * inputScale)));
  });

  it('has no constant twice, and none that nothing reads', () => {
    const {graph} = quantized(twoConvolutions());
    const scalars = graph.initializers.filter(({dims}) => dims.length === 0);
    const keys = scalars.map(tensor => `${tensor.elementTypeCode} ${numbersOf(tensor).join()}`);
    expect(new Set(keys).size).toBe(keys.length);
    const read = new Set(graph.nodes.flatMap(({inputs}) => inputs));
    expect(graph.initializers.filter(({name}) => !read.has(name))).toEqual([]);
  });

  it('has names of its own for everything that is new', () => {
    const net = new Network();
    const x = net.input('x', IMAGE);
    const taken = net.layer('x_quantized', 'Tanh', [x]);
    const graph = net.graph([
      net.layer('y', 'Add', [net.conv('x_QuantizeLinear', x, 4, 4), net.conv('b', taken, 4, 4)]),
    ]);
    const model = quantized(graph);
    expect(() => graphFromModel(model)).not.toThrow();
    const names = model.graph.nodes.map(({name}) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('keeps what it does not know', () => {
    const {model} = twoConvolutions();
    const unknown = [rangeFromBytes(Uint8Array.of(0xa2, 0x06, 0x00))];
    const made = quantized(graphFromModel({...model, unknown, docString: 'mine'}));
    expect(made.unknown).toBe(unknown);
    expect(made.docString).toBe('mine');
  });

  it('is of a version of the format that knows its operators', () => {
    const {model} = twoConvolutions();
    expect(quantized(graphFromModel({...model, irVersion: 3})).irVersion).toBe(8);
    expect(quantized(graphFromModel({...model, irVersion: 10})).irVersion).toBe(10);
  });

  it('cannot be made below opset 13', () => {
    const {model} = twoConvolutions();
    const old = {...model, opsetImports: [{domain: '', version: 12, unknown: []}]};
    expect(() => quantized(graphFromModel(old))).toThrow(/opset 12/);
  });

  it('cannot be made without the range of a tensor', () => {
    const graph = twoConvolutions();
    const plan = planQuantization(graph, U8S8);
    expect(() => quantizeGraph(graph, plan, U8S8, new Map())).toThrow(/"x"/);
  });
});

describe('float layers', () => {
  it('read what they always read, beside the pair of the integer layers', () => {
    const net = new Network();
    const x = net.input('x', IMAGE);
    const model = quantized(net.graph([net.conv('y', x, 4, 4), net.layer('z', 'Tanh', [x])]));
    expect(nodeNamed(model, 'z').inputs).toEqual(['x']);
    expect(nodeNamed(model, 'y').inputs[0]).toBe('x_dequantized');
  });

  it('that an integer layer reads keep their result, and have a pair behind it', () => {
    const net = new Network();
    const tanh = net.layer('tanh', 'Tanh', [net.input('x', IMAGE)]);
    const model = quantized(net.graph([net.conv('y', tanh, 4, 4), 'tanh']));
    expect(nodeNamed(model, 'tanh').outputs).toEqual(['tanh']);
    expect(nodeNamed(model, 'y').inputs[0]).toBe('tanh_dequantized');
  });

  it('get float from a kernel that can give it', () => {
    const net = new Network();
    const y = net.layer('y', 'Gemm', [
      net.input('x', [1, 16]),
      net.weights('w', [16, 4]),
      net.weights('b', [4]),
    ]);
    const model = quantized(net.graph([net.layer('soft', 'Softmax', [y])]));
    expect(countOf(model, 'QuantizeLinear')).toBe(1);
    expect(nodeNamed(model, 'y').outputs).toEqual(['y']);
  });
});

describe('constants of integer layers', () => {
  it('are integers with a range of their own', () => {
    const net = new Network();
    const a = net.conv('a', net.input('x', IMAGE), 4, 4);
    const shifted = net.layer('shifted', 'Add', [a, net.floats('c', [4, 1, 1], [-1, 0, 2, 1.55])]);
    const model = quantized(net.graph([net.conv('b', shifted, 4, 4)]));
    const {values, scales, zeroPoints} = integersOf(model, 'shifted', 1);
    expect(values).toEqual([0, 85, 255, 217]);
    expect(scales).toEqual([Math.fround(3 / 255)]);
    expect(zeroPoints).toEqual([85]);
  });
});

describe('factors of Gemm', () => {
  it('become part of weights and bias', () => {
    const net = new Network();
    const operands = [
      net.input('x', [1, 2]),
      net.floats('w', [2, 2], [1, 2, 3, 4]),
      net.floats('c', [2], [1, 1]),
    ];
    const y = net.layer('y', 'Gemm', operands, {alpha: float(0.5), beta: float(3), transB: integer(1)});
    const model = quantized(net.graph([y]));
    expect(nodeNamed(model, 'y').attributes.map(({name}) => name)).toEqual(['transB']);
    const {scales} = integersOf(model, 'y', 1);
    expect(scales).toEqual([Math.fround(1 / 127), Math.fround(2 / 127)]);
    const bias = integersOf(model, 'y', 2);
    expect(bias.values.map((value, at) => value * bias.scales[at]!)).toEqual([
      expect.closeTo(3, 3),
      expect.closeTo(3, 3),
    ]);
  });

  it('a scalar bias is spread over the channels', () => {
    const net = new Network();
    const y = net.layer('y', 'Gemm', [
      net.input('x', [1, 2]),
      net.floats('w', [2, 3], [1, 2, 3, 4, 5, 6]),
      net.floats('c', [], [1]),
    ]);
    expect(integersOf(quantized(net.graph([y])), 'y', 2).tensor.dims).toEqual([3]);
  });
});

describe('layers that share an initialiser', () => {
  const shared = (): Graph => {
    const net = new Network();
    const [w, b] = [net.weights('w', [4, 4, 1, 1]), net.weights('b', [4])];
    const first = net.layer('a', 'Conv', [net.input('x', IMAGE), w, b]);
    return net.graph([net.layer('c', 'Conv', [first, w, b])]);
  };

  it('go on sharing weights, but have biases of their own scales', () => {
    const model = quantized(shared());
    expect(nodeNamed(model, 'a').inputs[1]).toBe(nodeNamed(model, 'c').inputs[1]);
    expect(nodeNamed(model, 'a').inputs[2]).not.toBe(nodeNamed(model, 'c').inputs[2]);
  });

  it('part when one of them is corrected', () => {
    const weights = {values: new Int8Array(16).fill(3), scales: new Float32Array(4).fill(0.25)};
    const model = quantized(shared(), U8S8, {weights: new Map([['c', weights]])});
    expect(integersOf(model, 'c', 1).values).toEqual(new Array(16).fill(3));
    expect(integersOf(model, 'a', 1).values).not.toEqual(new Array(16).fill(3));
  });
});

describe('corrected values', () => {
  it('take the place of plain rounding', () => {
    const weights = {
      values: new Int8Array(144).map((_, at) => (at % 9) - 4),
      scales: Float32Array.of(0.5, 0.25, 1, 2),
    };
    const biases = new Map([['a', Float32Array.of(1, 2, 3, 4)]]);
    const model = quantized(twoConvolutions(), U8S8, {weights: new Map([['a', weights]]), biases});
    const made = integersOf(model, 'a', 1);
    expect(made.values).toEqual([...weights.values]);
    expect(made.scales).toEqual([...weights.scales]);
    const bias = integersOf(model, 'a', 2);
    bias.values.forEach((value, at) => expect(value * bias.scales[at]!).toBeCloseTo(at + 1, 2));
  });

  it('give a bias to a convolution that had none', () => {
    const net = new Network();
    const y = net.layer('y', 'Conv', [net.input('x', IMAGE), net.weights('w', [4, 4, 1, 1])]);
    const model = quantized(net.graph([y]), U8S8, {biases: new Map([['y', Float32Array.of(1, 2, 3, 4)]])});
    expect(integersOf(model, 'y', 2).tensor.dims).toEqual([4]);
  });

  it('give a MatMul an Add, whose result is that of the layer', () => {
    const net = new Network();
    const y = net.layer('y', 'MatMul', [net.input('x', [1, 16]), net.weights('w', [16, 2])]);
    const model = quantized(net.graph([y]), U8S8, {biases: new Map([['y', Float32Array.of(1, 2)]])});
    expect(nodeNamed(model, 'y').operator).toBe('Add');
    expect(makerOf(model, nodeNamed(model, 'y').inputs[0])?.operator).toBe('MatMul');
  });
});

describe('what a target wants', () => {
  it('pairs on float weights', () => {
    const model = quantized(twoConvolutions(), SYMMETRIC);
    const dequantize = makerOf(model, nodeNamed(model, 'a').inputs[1]);
    const quantize = makerOf(model, dequantize?.inputs[0]);
    expect(quantize?.operator).toBe('QuantizeLinear');
    expect(elementTypeOfTensor(constantNamed(model, quantize?.inputs[0]))).toBe('float32');
  });

  it('float biases', () => {
    const model = quantized(twoConvolutions(), SYMMETRIC);
    expect(elementTypeOfTensor(constantNamed(model, nodeNamed(model, 'a').inputs[2]))).toBe('float32');
  });

  it('weights with one scale', () => {
    const scheme = {...U8S8, weights: {...U8S8.weights, isPerChannel: false}};
    const {scales, axis, tensor} = integersOf(quantized(twoConvolutions(), scheme), 'a', 1);
    expect(scales).toHaveLength(1);
    expect(axis).toBeUndefined();
    expect(tensor.dims).toEqual([4, 4, 3, 3]);
  });

  it('unsigned weights, around 128', () => {
    const scheme = {...U8S8, weights: {...U8S8.weights, elementType: 'uint8'}} as const;
    const {values, zeroPoints} = integersOf(quantized(twoConvolutions(), scheme), 'a', 1);
    expect(zeroPoints).toEqual([128, 128, 128, 128]);
    expect(Math.min(...values)).toBeGreaterThan(0);
    expect(Math.max(...values)).toBe(255);
  });

  it('7-bit weights', () => {
    const scheme = {...U8S8, weights: {...U8S8.weights, bits: 7}} as const;
    const {values} = integersOf(quantized(twoConvolutions(), scheme), 'a', 1);
    expect(Math.max(...values.map(Math.abs))).toBe(64);
  });

  it.each([
    [17, 'com.microsoft'],
    [21, ''],
  ])('16-bit activations; at opset %i of domain "%s"', (opset, domain) => {
    const scheme = {...U8S8, activations: {elementType: 'uint16', isSymmetric: false}} as const;
    const net = new Network();
    const model = quantized(net.graph([net.conv('y', net.input('x', IMAGE), 4, 4)], opset), scheme);
    const pair = model.graph.nodes.filter(({operator}) => operator.endsWith('eLinear'));
    expect(new Set(pair.map(node => node.domain))).toEqual(new Set([domain]));
    expect(model.opsetImports.some(one => one.domain === 'com.microsoft')).toBe(domain !== '');
    expect(model.irVersion).toBe(opset === 21 ? 10 : 8);
  });

  it('a Relu between layer and rounding with symmetric activations', () => {
    const model = quantized(twoConvolutions(), SYMMETRIC);
    expect(nodeNamed(model, 'relu').inputs).toEqual(['a']);
    expect(nodeNamed(model, 'relu').outputs).toEqual(['relu_unrounded']);
    expect(makerOf(model, 'relu')?.operator).toBe('DequantizeLinear');
  });

  it('no scale for negative values that only a Relu sees', () => {
    const scheme = {...SYMMETRIC, leavesWeightedOutputs: false};
    const graph = twoConvolutions();
    const model = quantized(graph, scheme, {}, {min: -100, max: 1});
    // Of the maxima 1, 2, 3, … the second is that of "a".
    const scale = makerOf(model, nodeNamed(model, 'relu').inputs[0])?.inputs[1];
    expect(numbersOf(constantNamed(model, scale))[0]).toBeCloseTo(2 / 127, 6);
  });
});

it('a model without anything to quantise comes back as it was', () => {
  const net = new Network();
  const graph = net.graph([net.layer('y', 'Tanh', [net.input('x', IMAGE)])]);
  const model = quantized(graph);
  expect(model.graph.nodes).toEqual(graph.model.graph.nodes);
});

it('scales are those of the united range of a group', () => {
  const net = new Network();
  const pool = net.layer('pool', 'MaxPool', [net.conv('a', net.input('x', IMAGE), 4, 4)], {
    kernel_shape: integers(1, 1),
  });
  const graph = net.graph([net.conv('b', pool, 4, 4)]);
  const plan = planQuantization(graph, U8S8);
  const ranges = new Map([
    ['x', {min: 0, max: 1}],
    ['a', {min: -3, max: 1}],
    ['pool', {min: -1, max: 2}],
    ['b', {min: 0, max: 1}],
  ]);
  const model = quantizeGraph(graph, plan, U8S8, ranges);
  const scales = ['a', 'pool'].map(name => makerOf(model, name)?.inputs[1]);
  expect(scales[0]).toBe(scales[1]);
  expect(numbersOf(constantNamed(model, scales[0]))[0]).toBeCloseTo(5 / 255, 7);
});
