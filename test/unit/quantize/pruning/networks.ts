import type {Tensor} from '../../../../src/documents/tensor.ts';
import {dropUnused} from '../../../../src/model/dropUnused.ts';
import {graphFromModel} from '../../../../src/model/graphFromModel.ts';
import type {Graph} from '../../../../src/model/graph.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createValueInfo,
  type AttributeValue,
} from '../../../../src/model/onnx/createMessages.ts';
import type {OnnxNode, OnnxTensor} from '../../../../src/model/onnx/messages.ts';
import {tensorFromValue} from '../../../../src/model/onnx/tensorData.ts';
import {seededNumbers} from '../../../../src/documents/seededNumbers.ts';

/** A network put together layer by layer; every tensor's shape is declared. */
export class NetworkBuilder {
  readonly shapes = new Map<string, readonly number[]>();
  readonly #nodes: OnnxNode[] = [];
  readonly #weights: OnnxTensor[] = [];
  readonly #inputs: string[] = [];
  readonly #opset: number;
  #count = 0;

  constructor({opset = 17} = {}) {
    this.#opset = opset;
  }

  input(name: string, shape: readonly number[]): string {
    this.shapes.set(name, shape);
    this.#inputs.push(name);
    return name;
  }

  floats(shape: readonly number[], values: ArrayLike<number>, name = `w${this.#count++}`): string {
    return this.#weight(name, shape, 'float32', new Uint8Array(Float32Array.from(values).buffer));
  }

  integers(values: readonly number[], name = `i${this.#count++}`): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#weight(name, [values.length], 'int64', bytes);
  }

  /** One layer; `shapes` of its outputs, whose names are given back. */
  layers(
    operator: string,
    inputs: readonly string[],
    shapes: readonly (readonly number[])[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    name = `${operator}_${this.#count++}`,
  ): string[] {
    const outputs = shapes.map((shape, index) => {
      const output = index === 0 ? `${name}_out` : `${name}_out${index}`;
      this.shapes.set(output, shape);
      return output;
    });
    this.#nodes.push(
      createNode(operator, inputs, outputs, {
        name,
        attributes: Object.entries(attributes).map(([key, value]) => createAttribute(key, value)),
      }),
    );
    return outputs;
  }

  layer(
    operator: string,
    inputs: readonly string[],
    shape: readonly number[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    name?: string,
  ): string {
    const [output = ''] = this.layers(operator, inputs, [shape], attributes, name);
    return output;
  }

  graph(outputs: readonly string[]): Graph {
    const infoOf = (name: string) => createValueInfo(name, 'float32', this.shapes.get(name));
    const made = this.#nodes.flatMap(node => node.outputs).filter(name => !outputs.includes(name));
    return graphFromModel(
      dropUnused(
        createModel(
          createGraph({
            nodes: this.#nodes,
            initializers: this.#weights,
            inputs: this.#inputs.map(infoOf),
            outputs: outputs.map(infoOf),
            valueInfos: made.map(infoOf),
          }),
          {opsetImports: [{domain: '', version: this.#opset, unknown: []}]},
        ),
      ),
    );
  }

  #weight(
    name: string,
    shape: readonly number[],
    elementType: Tensor['elementType'],
    bytes: Uint8Array,
  ): string {
    this.#weights.push(tensorFromValue(name, {elementType, shape, bytes}));
    this.shapes.set(name, shape);
    return name;
  }
}

export const ints = (...values: number[]): AttributeValue => ({ints: values.map(BigInt)});
export const int = (value: number): AttributeValue => ({int: BigInt(value)});
export const text = (value: string): AttributeValue => ({string: new TextEncoder().encode(value)});

/** Numbers between -1 and 1 from a seed. */
export function startNumbers(seed: number): () => number {
  const next = seededNumbers(seed);
  return () => 2 * next() - 1;
}
