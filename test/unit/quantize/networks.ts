import type {ElementType} from '../../../src/documents/elementTypes.ts';
import type {Graph} from '../../../src/model/graph.ts';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createValueInfo,
  type AttributeValue,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../../../src/model/onnx/messages.ts';
import {tensorFromValue} from '../../../src/model/onnx/tensorData.ts';
import {seededNumbers} from '../../../src/documents/seededNumbers.ts';

/** Writes float networks layer by layer; every layer's first output has the layer's name. */
export class Network {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants: OnnxTensor[] = [];
  readonly #inputs: {name: string; dims: readonly number[]; elementType: ElementType}[] = [];
  readonly #masks = new Set<string>();
  readonly #random: () => number;

  constructor(seed = 1) {
    this.#random = seededNumbers(seed);
  }

  input(name: string, dims: readonly number[], elementType: ElementType = 'float32'): string {
    this.#inputs.push({name, dims, elementType});
    return name;
  }

  /** Weights drawn evenly from −size to size. */
  weights(name: string, dims: readonly number[], size = 0.5): string {
    const count = dims.reduce((all, dim) => all * dim, 1);
    return this.floats(
      name,
      dims,
      Array.from({length: count}, () => (2 * this.#random() - 1) * size),
    );
  }

  floats(name: string, dims: readonly number[], values: readonly number[]): string {
    const bytes = new Uint8Array(Float32Array.from(values).buffer);
    this.#constants.push(tensorFromValue(name, {elementType: 'float32', shape: dims, bytes}));
    return name;
  }

  integers(name: string, values: readonly number[]): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.#constants.push(tensorFromValue(name, {elementType: 'int64', shape: [values.length], bytes}));
    return name;
  }

  layer(
    name: string,
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    moreOutputs: readonly string[] = [],
  ): string {
    const list = Object.entries(attributes).map(([key, value]) => createAttribute(key, value));
    this.#nodes.push(createNode(operator, inputs, [name, ...moreOutputs], {name, attributes: list}));
    return name;
  }

  /** A layer whose result is a mask. */
  mask(name: string, operator: string, inputs: readonly string[]): string {
    this.#masks.add(name);
    return this.layer(name, operator, inputs);
  }

  /** A convolution with weights of its own that keeps height and width. */
  conv(name: string, input: string, from: number, to: number, kernel = 3): string {
    const pad = (kernel - 1) / 2;
    return this.layer(
      name,
      'Conv',
      [
        input,
        this.weights(`${name}_w`, [to, from, kernel, kernel], Math.sqrt(3 / (from * kernel * kernel))),
        this.weights(`${name}_b`, [to], 0.2),
      ],
      {pads: integers(pad, pad, pad, pad)},
    );
  }

  /** As in a prepared model, the type of every tensor is known. */
  model(outputs: readonly string[], opset = 17): OnnxModel {
    const isOutput = new Set(outputs);
    const inner = this.#nodes.flatMap(node => node.outputs).filter(name => !isOutput.has(name));
    return createModel(
      createGraph({
        nodes: this.#nodes,
        initializers: this.#constants,
        inputs: this.#inputs.map(({name, dims, elementType}) => createValueInfo(name, elementType, dims)),
        outputs: outputs.map(name => createValueInfo(name, 'float32')),
        valueInfos: inner.map(name => createValueInfo(name, this.#masks.has(name) ? 'bool' : 'float32')),
      }),
      {opsetImports: [{domain: '', version: opset, unknown: []}], irVersion: opset >= 21 ? 10 : 8},
    );
  }

  graph(outputs: readonly string[], opset = 17): Graph {
    return graphFromModel(this.model(outputs, opset));
  }
}

export function integers(...values: number[]): AttributeValue {
  return {ints: values.map(BigInt)};
}

export function integer(value: number): AttributeValue {
  return {int: BigInt(value)};
}

export function float(value: number): AttributeValue {
  return {float: value};
}

export function text(value: string): AttributeValue {
  return {string: new TextEncoder().encode(value)};
}
