import {describe, expect, it} from 'vitest';
import type {NamedTensors} from '../../../src/documents/tensor.ts';
import {runOnce} from '../../../src/engine/session.ts';
import type {Graph} from '../../../src/model/graph.ts';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {bytesFromModel} from '../../../src/model/onnx/writeModel.ts';
import {floatsOf} from '../../../src/quantize/accuracy/floatsOf.ts';
import {normalizationsAsConvolutions} from '../../../src/quantize/normalizationsAsConvolutions.ts';
import {planQuantization} from '../../../src/quantize/planQuantization.ts';
import {float, Network} from './networks.ts';
import {normalNumbers} from './normalNumbers.ts';
import {U8S8} from './schemes.ts';

const IMAGE = [1, 4, 8, 8];

function normalize(net: Network, name: string, input: string): string {
  const parameters = [
    net.weights(`${name} scale`, [4]),
    net.weights(`${name} shift`, [4]),
    net.weights(`${name} mean`, [4]),
    net.floats(`${name} variance`, [4], [0.5, 1, 2, 3]),
  ];
  return net.layer(name, 'BatchNormalization', [input, ...parameters], {epsilon: float(0.01)});
}

/** As DenseNet: what the normalisation reads is read by others too. Shapes known, as in a prepared model. */
function preActivated(): Graph {
  const net = new Network();
  const x = net.conv('first', net.input('x', IMAGE), 4, 4);
  const inner = net.conv('inner', net.layer('relu', 'Relu', [normalize(net, 'norm', x)]), 4, 4);
  const graph = net.graph([net.conv('last', net.layer('sum', 'Add', [inner, x]), 4, 4)]);
  const tensors = new Map(
    [...graph.tensors].map(([name, tensor]) => [
      name,
      tensor.isWeight ? tensor : {...tensor, shape: IMAGE, dims: IMAGE},
    ]),
  );
  return {...graph, tensors};
}

describe('a BatchNormalization between quantised layers', () => {
  it('becomes a convolution, and is quantised with the Relu after it', () => {
    const {graph, replaced} = normalizationsAsConvolutions(preActivated(), U8S8);
    expect(replaced).toEqual(['norm']);
    const plan = planQuantization(graph, U8S8);
    expect(plan.floatLayers).toEqual([]);
    expect([...plan.absorbed]).toEqual(['relu']);
    expect(graph.tensors.get('norm')?.shape).toEqual(IMAGE);
  });

  it('computes what it computed', async () => {
    const before = preActivated();
    const {graph} = normalizationsAsConvolutions(before, U8S8);
    const bytes = new Uint8Array(normalNumbers(256, 1).buffer);
    const feeds: NamedTensors = {x: {elementType: 'float32', shape: IMAGE, bytes}};
    const [expected, found] = await Promise.all(
      [before, graph].map(async one => {
        const {outputs} = await runOnce({bytes: bytesFromModel(one.model)}, feeds);
        return floatsOf(outputs['last']!);
      }),
    );
    found!.forEach((value, at) => expect(value).toBeCloseTo(expected![at]!, 5));
  });

  it('stays before the first and after the last quantised layer, where it would only make more to quantise', () => {
    const net = new Network();
    const inner = net.conv('conv', normalize(net, 'before', net.input('x', IMAGE)), 4, 4);
    const graph = net.graph([normalize(net, 'after', net.layer('odd', 'Tanh', [inner]))]);
    expect(normalizationsAsConvolutions(graph, U8S8)).toEqual({graph, replaced: []});
  });

  it('stays where the target has no integer convolutions', () => {
    const {Conv: conv, ...operators} = U8S8.operators;
    expect(conv?.kind).toBe('weighted');
    expect(normalizationsAsConvolutions(preActivated(), {...U8S8, operators}).replaced).toEqual([]);
  });

  it('stays when its shape is not known', () => {
    const graph = graphFromModel(preActivated().model);
    expect(normalizationsAsConvolutions(graph, U8S8).replaced).toEqual([]);
  });
});
