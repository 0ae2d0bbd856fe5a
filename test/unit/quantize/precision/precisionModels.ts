import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {NamedTensors, Tensor} from '../../../../src/documents/tensor.ts';
import {optimizeModel} from '../../../../src/engine/optimizeModel.ts';
import {runOnce} from '../../../../src/engine/session.ts';
import type {Optimization} from '../../../../src/engine/workerMessages.ts';
import type {Graph} from '../../../../src/model/graph.ts';
import {graphFromModel} from '../../../../src/model/graphFromModel.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createValueInfo,
  type AttributeValue,
} from '../../../../src/model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../../../../src/model/onnx/messages.ts';
import {tensorFromValue} from '../../../../src/model/onnx/tensorData.ts';
import {writeModel} from '../../../../src/model/onnx/writeModel.ts';
import {readBytes, valuesOf} from '../../model/handMadeModels.ts';

/** Normally distributed numbers (Box and Muller) from a xorshift32 sequence. */
export function normals(count: number, seed: number, deviation = 1): Float32Array {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 1) / (2 ** 32 + 1);
  };
  return Float32Array.from(
    {length: count},
    () => deviation * Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next()),
  );
}

export function floats(shape: readonly number[], values: Float32Array): Tensor {
  return {elementType: 'float32', shape, bytes: new Uint8Array(values.buffer, 0, values.byteLength)};
}

export function randomTensor(shape: readonly number[], seed: number, deviation = 1): Tensor {
  return floats(
    shape,
    normals(
      shape.reduce((product, size) => product * size, 1),
      seed,
      deviation,
    ),
  );
}

export function randomWeight(
  name: string,
  shape: readonly number[],
  seed: number,
  deviation = 1,
): OnnxTensor {
  return tensorFromValue(name, randomTensor(shape, seed, deviation));
}

export function integers(shape: readonly number[], values: readonly number[]): Tensor {
  return {
    elementType: 'int64',
    shape,
    bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
  };
}

export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): OnnxNode {
  return createNode(operator, inputs, outputs, {
    name: `${operator.toLowerCase()}-${outputs[0]}`,
    attributes: Object.entries(attributes).map(([name, value]) => createAttribute(name, value)),
  });
}

/** Inputs are float32, but `ids` int64 and `flag` a truth value. */
export function graphOf(
  nodes: readonly OnnxNode[],
  initializers: readonly OnnxTensor[],
  inputs: Readonly<Record<string, readonly (number | string)[]>>,
  outputs: Readonly<Record<string, readonly (number | string)[]>>,
  opset = 21,
): Graph {
  return graphFromModel(
    createModel(
      createGraph({
        nodes,
        initializers,
        inputs: Object.entries(inputs).map(([name, dims]) =>
          createValueInfo(name, ({ids: 'int64', flag: 'bool'} as const)[name] ?? 'float32', dims),
        ),
        outputs: Object.entries(outputs).map(([name, dims]) => createValueInfo(name, 'float32', dims)),
      }),
      {irVersion: 10, opsetImports: [{domain: '', version: opset, unknown: []}]},
    ),
  );
}

export interface TransformerShape {
  readonly words: number;
  readonly width: number;
  readonly heads: number;
  readonly hidden: number;
  readonly blocks: number;
}

/**
 * A seeded language model of the GPT kind without a mask: embedding, blocks of attention and of a perceptron with
 * normalisations before them and skips around them, then scores of all words. `ids` [1, length] -> `scores`.
 */
export function transformer(shape: TransformerShape, seed: number): Graph {
  const {words, width, heads, hidden, blocks} = shape;
  const weights: OnnxTensor[] = [
    tensorFromValue('split-heads', integers([4], [0, 0, heads, width / heads])),
    tensorFromValue('join-heads', integers([3], [0, 0, width])),
    tensorFromValue('temperature', floats([], Float32Array.of(1 / Math.sqrt(width / heads)))),
  ];
  const nodes: OnnxNode[] = [];
  const weight = (name: string, dims: readonly number[], deviation: number): string => {
    weights.push(randomWeight(name, dims, seed * 1000 + weights.length, deviation));
    return name;
  };
  const add = (operator: string, inputs: string[], output: string, attributes = {}): string => {
    nodes.push(node(operator, inputs, [output], attributes));
    return output;
  };
  const dense = (input: string, name: string, from: number, to: number): string => {
    const product = add(
      'MatMul',
      [input, weight(`${name}.weight`, [from, to], from ** -0.5)],
      `${name}.product`,
    );
    return add('Add', [product, weight(`${name}.bias`, [to], 0.02)], name);
  };
  const normalized = (input: string, name: string): string => {
    const gain = weight(`${name}.gain`, [width], 0.1);
    return add('LayerNormalization', [input, gain, weight(`${name}.bias`, [width], 0.1)], name);
  };
  let state = add('Gather', [weight('embedding', [words, width], 1), 'ids'], 'embedded');
  for (let index = 0; index < blocks; index += 1) {
    const at = (name: string): string => `block${index}.${name}`;
    const before = normalized(state, at('norm1'));
    const [query, key, value] = ['query', 'key', 'value'].map(name => {
      const split = add(
        'Reshape',
        [dense(before, at(name), width, width), 'split-heads'],
        at(`${name}.heads`),
      );
      const perm = name === 'key' ? [0n, 2n, 3n, 1n] : [0n, 2n, 1n, 3n];
      return add('Transpose', [split], at(`${name}.turned`), {perm: {ints: perm}});
    }) as [string, string, string];
    const products = add('MatMul', [query, key], at('products'));
    const scaled = add('Mul', [products, 'temperature'], at('scaled'));
    const attention = add('Softmax', [scaled], at('attention'), {axis: {int: -1n}});
    const mixed = add('MatMul', [attention, value], at('mixed'));
    const turned = add('Transpose', [mixed], at('turned'), {perm: {ints: [0n, 2n, 1n, 3n]}});
    const joined = add('Reshape', [turned, 'join-heads'], at('joined'));
    state = add('Add', [state, dense(joined, at('out'), width, width)], at('attended'));
    const wide = dense(normalized(state, at('norm2')), at('up'), width, hidden);
    const bent = add('Relu', [wide], at('bent'));
    state = add('Add', [state, dense(bent, at('down'), hidden, width)], at('state'));
  }
  const last = normalized(state, 'norm');
  add('MatMul', [last, weight('head', [width, words], width ** -0.5)], 'scores');
  return graphOf(nodes, weights, {ids: [1, 'length']}, {scores: [1, 'length', words]});
}

function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'edgewise-precision-'));
  return work(folder).finally(() => rmSync(folder, {recursive: true, force: true}));
}

export function bytesOfModel(model: OnnxModel): Buffer {
  return Buffer.concat([...writeModel(model, {kind: 'inline'}).chunks].map(chunk => Buffer.from(chunk)));
}

/** All outputs of one run by the real runtime. */
export async function runAt(
  model: OnnxModel,
  feeds: NamedTensors,
  optimization: Optimization = 'extended',
): Promise<NamedTensors> {
  return (await runOnce({bytes: bytesOfModel(model)}, feeds, {optimization, threads: 1})).outputs;
}

/** The operators that the runtime makes of a model, in its order. */
export async function operatorsAt(model: OnnxModel, level: Optimization): Promise<string[]> {
  return inTemporaryFolder(async folder => {
    const [input, output] = [join(folder, 'in.onnx'), join(folder, 'out.onnx')];
    writeFileSync(input, bytesOfModel(model));
    await optimizeModel(input, output, level);
    return readBytes(readFileSync(output)).graph.nodes.map(({operator}) => operator);
  });
}

/** 10·log10(Σx² / Σ(x−x̂)²) */
export function decibels(reference: Tensor | undefined, found: Tensor | undefined): number {
  return decibelsOf(valuesOf(reference), valuesOf(found));
}

export function decibelsOf(exact: ArrayLike<number>, rounded: ArrayLike<number>): number {
  let [signal, noise] = [0, 0];
  for (let at = 0; at < exact.length; at += 1) {
    signal += (exact[at] ?? 0) ** 2;
    noise += ((exact[at] ?? 0) - (rounded[at] ?? NaN)) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}
