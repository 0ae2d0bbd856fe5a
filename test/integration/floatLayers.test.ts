import {describe, expect, it} from 'vitest';
import type {QuantizationScheme} from '../../src/documents/quantizationScheme.ts';
import {runOnce} from '../../src/engine/session.ts';
import type {Graph} from '../../src/model/graph.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {floatsOf} from '../../src/quantize/accuracy/floatsOf.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {normalNumbers} from '../unit/quantize/normalNumbers.ts';
import {ints, NetworkBuilder} from '../unit/quantize/pruning/networks.ts';
import {fusedOperators} from './fusedOperators.ts';
import {floats} from './operatorCases.ts';

const SCHEME = targetByName('x86-vnni').recipe.candidates[0]!.scheme!;
const UNGUARDED: QuantizationScheme = {...SCHEME, quantizesFloatLayers: false};
const UNANCHORED: QuantizationScheme = {...SCHEME, movesChannelsLast: false};
const IMAGE = [1, 8, 16, 16];
const INPUT = floats(IMAGE, [...normalNumbers(8 * 16 * 16, 1)]);

describe('a layer left in float between integer ones', () => {
  const graph = chain();

  it('stays in float where the runtime would give it integers', async () => {
    expect(await fusedOperators(quantized(graph, SCHEME, ['middle']))).toEqual(
      expect.arrayContaining(['QLinearConv', 'FusedConv']),
    );
    const unguarded = await fusedOperators(quantized(graph, UNGUARDED, ['middle']));
    expect(unguarded.filter(operator => operator === 'QLinearConv')).toHaveLength(3);
  });

  it('is worth what the file says: fused, the model answers as node by node', async () => {
    const [guarded, unguarded] = [SCHEME, UNGUARDED].map(scheme => quantized(graph, scheme, ['middle']));
    // One channel has weights a hundred times those of the others: a scale for all leaves nothing of them.
    expect(await fusionNoiseDb(guarded!)).toBeGreaterThan(30);
    expect(await fusionNoiseDb(unguarded!)).toBeLessThan(20);
  });

  it('is a sum, too', async () => {
    const sumsIn = async (keptLayers: readonly string[]): Promise<string[]> => {
      const operators = await fusedOperators(quantized(residual(), SCHEME, keptLayers));
      return operators.filter(operator => operator.endsWith('Add')).sort();
    };
    // The last one is at the model's end, where nothing is rounded.
    expect(await sumsIn([])).toEqual(['Add', 'QLinearAdd', 'QLinearAdd']);
    expect(await sumsIn(['sum1'])).toEqual(['Add', 'Add', 'QLinearAdd']);
  });

  it('leaves a model without such layers as it is', () => {
    const [guarded, unguarded] = [SCHEME, UNGUARDED].map(scheme =>
      bytesFromModel(quantized(graph, scheme, [])),
    );
    expect(guarded).toEqual(unguarded);
  });
});

describe('a skip connection that begins in float', () => {
  const [anchored, plain] = [SCHEME, UNANCHORED].map(scheme => quantized(residual(), scheme, ['first']));

  it('goes channels-last with the blocks it passes', async () => {
    const transposesIn = async (model: OnnxModel): Promise<number> =>
      (await fusedOperators(model, 'all')).filter(operator => operator === 'Transpose').length;
    // Two for each of three blocks; anchored one before all of them, and one behind.
    expect(await transposesIn(plain!)).toBeGreaterThanOrEqual(6);
    expect(await transposesIn(anchored!)).toBeLessThanOrEqual(3);
  });

  it.each(['disabled', 'all'] as const)('answers the same to the last bit: %s', async optimization => {
    expect(await answer(anchored!, optimization)).toEqual(await answer(plain!, optimization));
  });

  it('is not anchored where it begins with integers', () => {
    const model = quantized(residual(), SCHEME, []);
    expect(model.graph.nodes.filter(({operator}) => operator === 'Conv')).toHaveLength(7);
  });
});

/** Three convolutions; the filters of the one in the middle differ in size. */
function chain(): Graph {
  const net = new NetworkBuilder();
  const input = net.input('x', IMAGE);
  const [first, middle] = [conv(net, input, 'first', 2), conv(net, 'first_out', 'middle', 3)];
  expect([first, middle]).toEqual(['first_out', 'middle_out']);
  return net.graph([conv(net, middle, 'last', 4)]);
}

/** A convolution and three blocks of two with a skip around them. */
function residual(): Graph {
  const net = new NetworkBuilder();
  let skip = net.layer('Relu', [conv(net, net.input('x', IMAGE), 'first', 2)], IMAGE);
  for (const block of [1, 2, 3]) {
    const inner = net.layer('Relu', [conv(net, skip, `a${block}`, 10 * block)], IMAGE);
    const sum = net.layer(
      'Add',
      [conv(net, inner, `b${block}`, 10 * block + 1), skip],
      IMAGE,
      {},
      `sum${block}`,
    );
    skip = net.layer('Relu', [sum], IMAGE);
  }
  return net.graph([skip]);
}

function conv(net: NetworkBuilder, input: string, name: string, seed: number): string {
  const weights = normalNumbers(8 * 8 * 9, seed).map((value, at) => {
    const isLarge = name === 'middle' && Math.floor(at / 72) === 0;
    return value * (isLarge ? 12 : 0.12);
  });
  return net.layer('Conv', [input, net.floats([8, 8, 3, 3], weights)], IMAGE, {pads: ints(1, 1, 1, 1)}, name);
}

function quantized(graph: Graph, scheme: QuantizationScheme, keptLayers: readonly string[]): OnnxModel {
  const plan = planQuantization(graph, scheme, new Map(keptLayers.map(layer => [layer, 'accuracy'])));
  const ranges = new Map(tensorsToMeasure(plan).map(tensor => [tensor, {min: -6, max: 6}]));
  return quantizeGraph(graph, plan, scheme, ranges);
}

/** What fusing adds: signal over noise of the fused answer, the one node by node being right. */
async function fusionNoiseDb(model: OnnxModel): Promise<number> {
  const [exact, fused] = [await answer(model, 'disabled'), await answer(model, 'all')];
  const sumOf = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
  return 10 * Math.log10(sumOf(exact) / sumOf(exact.map((value, at) => value - fused[at]!)));
}

async function answer(model: OnnxModel, optimization: 'disabled' | 'all'): Promise<Float32Array> {
  const {outputs} = await runOnce({bytes: bytesFromModel(model)}, {x: INPUT}, {optimization, threads: 1});
  return Float32Array.from(floatsOf(Object.values(outputs)[0]!));
}
