import type {Tensor} from '../../../src/documents/tensor.ts';
import type {TensorRange} from '../../../src/quantize/quantizationPlan.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo} from '../../../src/model/onnx/messages.ts';
import {tensorFromValue} from '../../../src/model/onnx/tensorData.ts';
import {floats, OPERATOR_CASES, type OperatorCase} from '../../integration/operatorCases.ts';

/** How a following layer reads an operator's result: a convolution of so many channels, or a product with this shape. */
type Reader = {readonly channels: number} | {readonly shape: readonly number[]};

/** Results that do not have 16 channels and two axes of pixels. */
const READERS: Readonly<Record<string, Reader>> = {
  Concat: {channels: 32},
  DepthToSpace: {channels: 4},
  Flatten: {shape: [1, 4096]},
  Gather: {channels: 2},
  GatherElements: {shape: [1, 16]},
  Gemm: {shape: [5, 16]},
  MatMul: {shape: [5, 16]},
  Reshape: {shape: [1, 4096]},
  Slice: {channels: 4},
  SpaceToDepth: {channels: 64},
  Split: {channels: 8},
  Squeeze: {shape: [16, 16, 16]},
  Unsqueeze: {shape: [1, 1, 16, 16, 16]},
};

/** Operators at whose input a Relu is put, so that there is one to be absorbed or kept. */
const AFTER_RELU = new Set(['Add', 'Concat', 'MaxPool']);

/**
 * A float model with one branch per operator: weighted layers, the operator, a weighted layer. So each has integers on
 * both sides, and whether it takes part is up to the target's table alone. Opset 17.
 */
export function everyOperatorModel(): OnnxModel {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs = new Map<string, OnnxValueInfo>();
  /** Of what matrix products read. */
  const shapes = new Map<string, readonly number[]>();
  const outputs: OnnxValueInfo[] = [];
  for (const one of OPERATOR_CASES) addBranch(one);
  addSkipConnection();
  // As in a prepared model, the type of every tensor is known.
  const valueInfos = nodes
    .flatMap(node => node.outputs)
    .map(name => createValueInfo(name, 'float32', shapes.get(name)));
  return createModel(createGraph({nodes, initializers, inputs: [...inputs.values()], outputs, valueInfos}));

  function addBranch({operator, operands, attributes = {}, outputs: count = 1}: OperatorCase): void {
    const names = operands.map((operand, place) => {
      if (operand === null) return '';
      const name = `${operator}_${place}`;
      if ('activation' in operand) return addActivation(operator, name, operand.activation);
      if ('constant' in operand) return addConstant(name, operand.constant);
      return addConstant(
        name,
        weights('weight' in operand ? operand.weight : [operand.bias], initializers.length),
      );
    });
    const results = Array.from({length: count}, (_, index) => `${operator}_y${index}`);
    const list = Object.entries(attributes).map(([name, value]) => createAttribute(name, value));
    nodes.push(createNode(operator, names, results, {name: operator, attributes: list}));
    for (const result of results) addReader(operator, result);
    // One weighted layer after a Softmax looks like the decoding of boxes, which stays in float.
    if (operator === 'Softmax') for (const result of results) addReader(operator, `${result}_after`);
  }

  /** A block of a residual network: the result of a convolution is added to what it read. */
  function addSkipConnection(): void {
    const start = addActivation('Skip', 'Skip_0', [1, 16, 16, 16]);
    const weight = addConstant('Skip_main_w', weights([16, 16, 1, 1], initializers.length));
    nodes.push(
      createNode('Relu', [start], ['Skip_start'], {name: 'Skip start'}),
      createNode('Conv', ['Skip_start', weight], ['Skip_main'], {name: 'Skip main path'}),
      createNode('Add', ['Skip_main', 'Skip_start'], ['Skip_y0'], {name: 'Skip Add'}),
    );
    addReader('Skip', 'Skip_y0');
  }

  function addActivation(operator: string, name: string, shape: readonly number[]): string {
    const input = `input_${shape.join('x')}`;
    inputs.set(input, createValueInfo(input, 'float32', shape));
    const isImage = shape.length === 4;
    const weight = addConstant(
      `${name}_before_w`,
      weights(isImage ? [16, 16, 1, 1] : [16, 16], initializers.length),
    );
    nodes.push(
      createNode(isImage ? 'Conv' : 'MatMul', [input, weight], [`${name}_before`], {name: `before ${name}`}),
    );
    if (!isImage) shapes.set(`${name}_before`, shape);
    if (!AFTER_RELU.has(operator)) return `${name}_before`;
    nodes.push(createNode('Relu', [`${name}_before`], [`${name}_relu`], {name: `relu ${name}`}));
    return `${name}_relu`;
  }

  function addReader(operator: string, result: string): void {
    const reader = READERS[operator] ?? {channels: 16};
    const isConvolution = 'channels' in reader;
    const shape = isConvolution ? [16, reader.channels, 1, 1] : [reader.shape.at(-1) ?? 1, 16];
    if (!isConvolution) shapes.set(result, reader.shape);
    const weight = addConstant(`${result}_after_w`, weights(shape, initializers.length));
    const output = `${result}_after`;
    nodes.push(
      createNode(isConvolution ? 'Conv' : 'MatMul', [result, weight], [output], {name: `after ${result}`}),
    );
    outputs.push(createValueInfo(output, 'float32'));
  }

  function addConstant(name: string, tensor: Tensor): string {
    initializers.push(tensorFromValue(name, tensor));
    return name;
  }
}

/** −1 to 1 in steps, so that scales of weights are round numbers; another order for each `seed`. */
function weights(shape: readonly number[], seed: number): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return floats(
    shape,
    Array.from({length: count}, (_, index) => (((index + seed + Math.floor(index / 9) * seed) % 9) - 4) / 4),
  );
}

/** A range for each tensor, different enough to tell by the zero point whether two tensors share one. */
export function inventedRanges(names: readonly string[]): Map<string, TensorRange> {
  return new Map(
    names.map((name, index) => {
      const min = name.endsWith('_relu') ? 0 : -(1 + (index % 40) / 10);
      return [name, {min, max: 6 + (index % 7) / 2}];
    }),
  );
}
