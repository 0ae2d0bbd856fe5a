import {describe, expect, it} from 'vitest';
import {saturatesHere} from '../../../../src/workflows/saturatesHere.ts';
import {graphFromModel} from '../../../../src/model/graphFromModel.ts';
import type {OnnxModel} from '../../../../src/model/onnx/messages.ts';
import {bytesOfTensor} from '../../../../src/model/onnx/tensorData.ts';
import {quantizeDynamically} from '../../../../src/quantize/precision/quantizeDynamically.ts';
import {
  bytesOfModel,
  decibels,
  graphOf,
  integers,
  node,
  operatorsAt,
  randomTensor,
  randomWeight,
  runAt,
  transformer,
} from './precisionModels.ts';

const SMALL = transformer({words: 256, width: 128, heads: 4, hidden: 256, blocks: 1}, 3);
const IDS = {ids: integers([1, 6], [5, 9, 220, 3, 3, 77])};

/** Where sums saturate, weights are built with 7 bits, which costs the 6 dB of a bit. */
const [WEIGHTS, BIT_DB] = (await saturatesHere()) ? [{weightBits: 7} as const, 6.02] : [{}, 0];

const countOf = (operators: readonly string[], name: string): number =>
  operators.filter(one => one === name).length;

describe('dynamic quantisation', () => {
  it('leaves a language model within 35 dB of itself, at under a third of its size', async () => {
    const {model, floatLayers, decisions} = quantizeDynamically(SMALL, WEIGHTS);
    const [exact, found] = [await runAt(SMALL.model, IDS, 'disabled'), await runAt(model, IDS)];
    expect(decibels(exact['scores'], found['scores'])).toBeGreaterThan(35 - BIT_DB);
    expect(bytesOfModel(model).length / bytesOfModel(SMALL.model).length).toBeLessThan(0.29);
    expect(floatLayers).toEqual([
      {layer: 'matmul-block0.products', reason: 'weights-not-constant'},
      {layer: 'matmul-block0.mixed', reason: 'weights-not-constant'},
    ]);
    expect(decisions).toHaveLength(1);
  });

  it('is fused by the runtime to one kernel per product, and one rounding where products share their input', async () => {
    const operators = await operatorsAt(quantizeDynamically(SMALL).model, 'extended');
    expect(countOf(operators, 'MatMulIntegerToFloat')).toBe(3);
    expect(countOf(operators, 'DynamicQuantizeLinear')).toBe(1);
    expect(countOf(operators, 'DynamicQuantizeMatMul')).toBe(4);
    expect(countOf(operators, 'MatMulInteger')).toBe(0);
    expect(countOf(operators, 'MatMul') + countOf(operators, 'FusedMatMul')).toBe(2);
  });

  it.each([
    ['a plain Gemm', {}, [128, 160]],
    ['weights that lie transposed', {transB: {int: 1n}}, [160, 128]],
    ['factors', {alpha: {float: -2}, beta: {float: 0.5}}, [128, 160]],
  ])('takes a Gemm with its bias: %s', async (_, attributes, dims) => {
    const graph = graphOf(
      [node('Gemm', ['x', 'w', 'b'], ['y'], attributes)],
      [randomWeight('w', dims, 1, 0.1), randomWeight('b', [160], 2)],
      {x: [4, 128]},
      {y: [4, 160]},
    );
    const {model} = quantizeDynamically(graph, WEIGHTS);
    const feeds = {x: randomTensor([4, 128], 3)};
    const [exact, found] = [await runAt(graph.model, feeds, 'disabled'), await runAt(model, feeds)];
    expect(decibels(exact['y'], found['y'])).toBeGreaterThan(38 - BIT_DB);
    expect(await operatorsAt(model, 'extended')).toEqual(['DynamicQuantizeMatMul']);
  });

  it('stays within half the range of int8 where multiply-adds saturate', () => {
    const integersOf = (model: OnnxModel): Int8Array => {
      const tensor = model.graph.initializers.find(({name}) => name.includes('head/columns-int8'));
      return new Int8Array(new Uint8Array(bytesOfTensor(tensor!)).buffer);
    };
    const largest = (values: Int8Array): number => Math.max(...values.map(Math.abs));
    expect(largest(integersOf(quantizeDynamically(SMALL).model))).toBe(127);
    expect(largest(integersOf(quantizeDynamically(SMALL, {weightBits: 7}).model))).toBe(64);
  });

  it('leaves convolutions, small products and what was asked for in float', () => {
    const graph = graphOf(
      [
        node('Conv', ['x', 'filters'], ['c']),
        node('Flatten', ['c'], ['f']),
        node('MatMul', ['f', 'large'], ['l']),
        node('MatMul', ['l', 'asked'], ['a']),
        node('MatMul', ['a', 'small'], ['y']),
      ],
      [
        randomWeight('filters', [8, 1, 3, 3], 1),
        randomWeight('large', [128, 128], 2),
        randomWeight('asked', [128, 128], 3),
        randomWeight('small', [128, 5], 4),
      ],
      {x: [1, 1, 6, 6]},
      {y: [1, 5]},
    );
    const {floatLayers} = quantizeDynamically(graph, {keepFloat: new Map([['matmul-a', 'accuracy']])});
    expect(floatLayers).toEqual([
      {layer: 'conv-c', reason: 'no-kernel'},
      {layer: 'matmul-a', reason: 'accuracy'},
      {layer: 'matmul-y', reason: 'too-small'},
    ]);
  });

  it('says of recurrent layers, and of whatever else has weights, that they stay in float', () => {
    const graph = graphOf(
      [
        node('LSTM', ['x', 'w', 'r'], ['', 'h'], {hidden_size: {int: 8n}}),
        node('Add', ['h', 'positions'], ['y']),
      ],
      [
        randomWeight('w', [1, 32, 4], 1),
        randomWeight('r', [1, 32, 8], 2),
        randomWeight('positions', [1, 5, 8], 3),
      ],
      {x: [3, 5, 4]},
      {y: [1, 5, 8]},
    );
    expect(quantizeDynamically(graph).floatLayers.map(({reason}) => reason)).toEqual([
      'no-kernel',
      'no-kernel',
    ]);
  });

  it('gives the very same model back when there is nothing to do', () => {
    const graph = graphOf([node('Relu', ['x'], ['y'])], [], {x: [3]}, {y: [3]});
    expect(quantizeDynamically(graph)).toEqual({model: graph.model, decisions: [], floatLayers: []});
    expect(quantizeDynamically(graph).model).toBe(graph.model);
  });

  it('needs opset 11', () => {
    const old = graphFromModel({...SMALL.model, opsetImports: [{domain: '', version: 10, unknown: []}]});
    expect(() => quantizeDynamically(old)).toThrow(/opset 11/);
  });
});
