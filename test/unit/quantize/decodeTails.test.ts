import {describe, expect, it} from 'vitest';
import {planQuantization} from '../../../src/quantize/planQuantization.ts';
import {integer, integers, Network} from './networks.ts';
import {U8S8} from './schemes.ts';

/** Backbone of two convolutions; gives its 8 channels at 8×8 and 4×4. */
function backbone(net: Network): [string, string] {
  const fine = net.layer('fine', 'Relu', [net.conv('stem', net.input('x', [1, 3, 8, 8]), 3, 8)]);
  const pooled = net.layer('pool', 'MaxPool', [fine], {
    kernel_shape: integers(2, 2),
    strides: integers(2, 2),
  });
  return [fine, net.layer('coarse', 'Relu', [net.conv('deep', pooled, 8, 8)])];
}

/** Rows of `columns` numbers from a feature map. */
function rows(net: Network, name: string, input: string, columns: number): string {
  const last = net.layer(`${name} last`, 'Transpose', [input], {perm: integers(0, 2, 3, 1)});
  return net.layer(`${name} rows`, 'Reshape', [last, net.integers(`${name} shape`, [1, -1, columns])]);
}

const slice = (net: Network, name: string, input: string, from: number, to: number): string =>
  net.layer(name, 'Slice', [
    input,
    net.integers(`${name} from`, [from]),
    net.integers(`${name} to`, [to]),
    net.integers(`${name} axes`, [2]),
  ]);

describe('what decodes outputs stays in float:', () => {
  it('boxes relative to anchors and class scores of a single-shot detector', () => {
    const net = new Network();
    const maps = backbone(net);
    const boxes = maps.map((map, at) => rows(net, `boxes ${at}`, net.conv(`box head ${at}`, map, 8, 4), 4));
    const scores = maps.map((map, at) =>
      rows(net, `scores ${at}`, net.conv(`class head ${at}`, map, 8, 5), 5),
    );
    const all = net.layer('all boxes', 'Concat', boxes, {axis: integer(1)});
    const centre = net.layer('centre', 'Mul', [
      slice(net, 'offset', all, 0, 2),
      net.weights('variance', [2]),
    ]);
    const size = net.layer('size', 'Exp', [slice(net, 'extent', all, 2, 4)]);
    const decoded = net.layer(
      'decoded',
      'Concat',
      [net.layer('moved', 'Add', [centre, net.weights('anchors', [80, 2])]), size],
      {axis: integer(2)},
    );
    const classes = net.layer('classes', 'Softmax', [
      net.layer('all scores', 'Concat', scores, {axis: integer(1)}),
    ]);
    const plan = planQuantization(net.graph([decoded, classes]), U8S8);
    expect(plan.quantizedLayers).toEqual([
      'stem',
      'pool',
      'deep',
      'box head 0',
      'box head 1',
      'class head 0',
      'class head 1',
    ]);
    const reasons = new Set(
      plan.floatLayers.map(({layer, reason}) => (layer === 'size' ? 'decode-tail' : reason)),
    );
    expect([...reasons]).toEqual(['decode-tail']);
  });

  it('distances that a fixed convolution takes from distributions, as YOLOv8 does', () => {
    const net = new Network();
    const [, map] = backbone(net);
    const distances = rows(net, 'sides', net.conv('box head', map, 8, 64), 16);
    const likely = net.layer('likely', 'Softmax', [distances], {axis: integer(2)});
    const turned = net.layer('turned', 'Unsqueeze', [
      net.layer('columns', 'Transpose', [likely], {perm: integers(0, 2, 1)}),
      net.integers('at', [2]),
    ]);
    const mean = net.layer('mean', 'Conv', [
      turned,
      net.floats(
        'bins',
        [1, 16, 1, 1],
        Array.from({length: 16}, (_, bin) => bin),
      ),
    ]);
    const plan = planQuantization(net.graph([mean]), U8S8);
    expect(plan.quantizedLayers).toEqual(['stem', 'pool', 'deep', 'box head']);
    expect(plan.floatLayers.find(({layer}) => layer === 'mean')).toEqual({
      layer: 'mean',
      reason: 'decode-tail',
    });
  });

  it('pooling and scores at the end of a classifier', () => {
    const net = new Network();
    const [, map] = backbone(net);
    const pooled = net.layer('pooled', 'GlobalAveragePool', [net.conv('head', map, 8, 5)]);
    const plan = planQuantization(
      net.graph([net.layer('scores', 'Softmax', [pooled], {axis: integer(1)})]),
      U8S8,
    );
    expect(plan.floatLayers.map(({layer}) => layer)).toEqual(['pooled', 'scores']);
  });

  it('but a Softmax between projections, as in attention, does not end the quantised part', () => {
    const net = new Network();
    const x = net.input('x', [1, 6, 8]);
    const project = (name: string, input: string): string =>
      net.layer(name, 'MatMul', [input, net.weights(`${name}_w`, [8, 8])]);
    const scores = net.layer('scores', 'MatMul', [
      project('q', x),
      net.layer('turned', 'Transpose', [project('k', x)], {perm: integers(0, 2, 1)}),
    ]);
    const mixed = net.layer('mixed', 'MatMul', [net.layer('likely', 'Softmax', [scores]), project('v', x)]);
    const plan = planQuantization(net.graph([project('out', project('o', mixed))]), U8S8);
    expect(plan.quantizedLayers).toEqual(['q', 'k', 'v', 'o', 'out']);
  });
});
