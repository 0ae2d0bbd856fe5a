import {describe, expect, it} from 'vitest';
import {graphFromModel} from '../../../../src/model/graphFromModel.ts';
import {quantizeWeightsOnly} from '../../../../src/quantize/precision/quantizeWeightsOnly.ts';
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

const convolutions = graphOf(
  [
    node('Conv', ['x', 'w', 'b'], ['c'], {pads: {ints: [1n, 1n, 1n, 1n]}}),
    node('Conv', ['c', 'depthwise'], ['d'], {group: {int: 32n}}),
    node('ConvTranspose', ['d', 't'], ['u'], {strides: {ints: [2n, 2n]}}),
    node('Flatten', ['u'], ['f']),
    node('Gemm', ['f', 'g', 'h'], ['m'], {transB: {int: 1n}}),
    node('MatMul', ['m', 'tiny'], ['y']),
  ],
  [
    randomWeight('w', [32, 16, 3, 3], 1, 0.2),
    randomWeight('b', [32], 2),
    randomWeight('depthwise', [32, 1, 3, 3], 3, 0.5),
    randomWeight('t', [32, 8, 2, 2], 4, 0.2),
    randomWeight('g', [20, 800], 5, 0.1),
    randomWeight('h', [20], 6),
    randomWeight('tiny', [20, 3], 7),
  ],
  {x: [8, 16, 7, 7]},
  {y: [8, 3]},
);

describe('weights only', () => {
  it('are int8 with a scale per channel, and computed with in float', async () => {
    const {model, floatLayers, decisions} = quantizeWeightsOnly(convolutions);
    expect(floatLayers).toEqual([{layer: 'matmul-y', reason: 'too-small'}]);
    expect(decisions).toHaveLength(1);
    const feeds = {x: randomTensor([8, 16, 7, 7], 8)};
    const [exact, found] = [
      await runAt(convolutions.model, feeds, 'disabled'),
      await runAt(model, feeds, 'disabled'),
    ];
    expect(decibels(exact['y'], found['y'])).toBeGreaterThan(38);
    expect(bytesOfModel(model).length / bytesOfModel(convolutions.model).length).toBeLessThan(0.3);
  });

  it('of embeddings are gathered as integers: the table is never turned back as a whole', async () => {
    const graph = transformer({words: 200, width: 32, heads: 2, hidden: 64, blocks: 1}, 5);
    const {model} = quantizeWeightsOnly(graph);
    const feeds = {ids: integers([1, 4], [5, 199, 0, 3])};
    const [exact, found] = [
      await runAt(graph.model, feeds, 'disabled'),
      await runAt(model, feeds, 'disabled'),
    ];
    expect(decibels(exact['scores'], found['scores'])).toBeGreaterThan(40);
    const operators = model.graph.nodes.map(({operator}) => operator);
    expect(operators.slice(0, 4)).toEqual(['Gather', 'Cast', 'Gather', 'Mul']);
    // One for each of the seven matrices.
    expect(operators.filter(name => name === 'DequantizeLinear')).toHaveLength(7);
    expect(await operatorsAt(model, 'extended')).toContain('MatMulNBits');
  });

  it('of two layers with the same weights are turned back once', () => {
    const graph = graphOf(
      [node('MatMul', ['x', 'w'], ['a']), node('MatMul', ['a', 'w'], ['y'])],
      [randomWeight('w', [64, 64], 1)],
      {x: [1, 64]},
      {y: [1, 64]},
    );
    const {model} = quantizeWeightsOnly(graph);
    expect(model.graph.nodes.map(({operator}) => operator)).toEqual(['DequantizeLinear', 'MatMul', 'MatMul']);
  });

  it('need opset 13', () => {
    const old = graphFromModel({
      ...convolutions.model,
      opsetImports: [{domain: '', version: 12, unknown: []}],
    });
    expect(() => quantizeWeightsOnly(old)).toThrow(/opset 13/);
  });
});
