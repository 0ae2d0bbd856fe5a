import {describe, expect, it} from 'vitest';
import type {Graph} from '../../../../src/model/graph.ts';
import {graphFromModel} from '../../../../src/model/graphFromModel.ts';
import {keepReferenceOutputs, signalToNoiseOf} from '../../../../src/quantize/accuracy/signalToNoise.ts';
import {findChannelClasses} from '../../../../src/quantize/correction/channelClasses.ts';
import {scaleChannels} from '../../../../src/quantize/correction/equalizeChannels.ts';
import {nameRescaled} from '../../../../src/quantize/correction/nameRescaled.ts';
import {planQuantization, tensorsToMeasure} from '../../../../src/quantize/planQuantization.ts';
import {ints, NetworkBuilder} from '../pruning/networks.ts';
import {normalNumbers} from '../normalNumbers.ts';
import {U8S8} from '../schemes.ts';
import {normalSamples} from './samples.ts';

const IMAGE = [1, 3, 6, 6];
const SAMPLES = {from: 0, to: 2};

/** Two convolutions with a Relu between them. */
function twoConvolutions(): Graph {
  const net = new NetworkBuilder();
  const conv = (x: string, from: number, to: number, name: string): string => {
    const weight = net.floats([to, from, 3, 3], normalNumbers(to * from * 9, to), `${name}.weight`);
    return net.layer('Conv', [x, weight], [1, to, 6, 6], {pads: ints(1, 1, 1, 1)}, name);
  };
  const first = net.layer('Relu', [conv(net.input('x', IMAGE), 3, 4, 'first')], [1, 4, 6, 6], {}, 'relu');
  return net.graph([conv(first, 4, 2, 'second')]);
}

describe('tensors whose channels were scaled', () => {
  it('get names of their own, the others keep theirs, and the answers stay', async () => {
    const original = twoConvolutions();
    const classes = findChannelClasses(original);
    const factors = Float64Array.from({length: classes.classCount}, (_, one) =>
      classes.isFixed(one) ? 1 : 1.5 + one,
    );
    const rescaled = graphFromModel(scaleChannels(original, classes, factors));
    const runner = normalSamples('x', IMAGE, SAMPLES.to);
    const plan = planQuantization(original, U8S8);
    const ranges = new Map(tensorsToMeasure(plan).map((name, at) => [name, {min: -at, max: at + 1}]));
    const start = {
      graph: rescaled,
      keepFloat: new Map(),
      plan,
      ranges,
      corrected: {biases: new Map(), weights: new Map()},
    };
    const renamed = await nameRescaled(original, start, {runner, scheme: U8S8});

    const namesOf = (graph: Graph) => graph.layers.map(({outputs}) => outputs[0]);
    const [conv, relu, output] = namesOf(original);
    expect(namesOf(renamed.graph)).toEqual([`${conv}/rescaled`, `${relu}/rescaled`, output]);
    expect(renamed.graph.tensors.get(`${relu}/rescaled`)?.shape).toEqual([1, 4, 6, 6]);
    expect([...renamed.ranges.values()]).toEqual([...ranges.values()]);
    expect([...renamed.ranges.keys()]).toEqual(tensorsToMeasure(renamed.plan));
    const answers = await keepReferenceOutputs(runner, original.model, SAMPLES);
    const [decibels = 0] = (await signalToNoiseOf(runner, renamed.graph.model, answers, 'exact')).values();
    expect(decibels).toBeGreaterThan(100);
  });

  it('are none where nothing was scaled: the very same quantisation comes back', async () => {
    const graph = twoConvolutions();
    const start = {
      graph,
      keepFloat: new Map(),
      plan: planQuantization(graph, U8S8),
      ranges: new Map(),
      corrected: {biases: new Map(), weights: new Map()},
    };
    const runner = normalSamples('x', IMAGE, SAMPLES.to);
    expect(await nameRescaled(graph, start, {runner, scheme: U8S8})).toBe(start);
  });
});
