import {describe, expect, it} from 'vitest';
import {cutToConcats} from '../../../../src/quantize/correction/cutToConcats.ts';
import {planQuantization} from '../../../../src/quantize/planQuantization.ts';
import type {TensorRange} from '../../../../src/quantize/quantizationPlan.ts';
import {integer, Network} from '../networks.ts';
import {U8S8} from '../schemes.ts';

/** Convolutions a and b put together, and that with a third; b is read by another convolution, too. */
function network() {
  const net = new Network(11);
  const x = net.input('x', [1, 4, 8, 8]);
  const [a, b, c] = ['a', 'b', 'c'].map(name => net.conv(name, x, 4, 4)) as [string, string, string];
  const inner = net.layer('inner', 'Concat', [a, b], {axis: integer(1)});
  const outer = net.layer('outer', 'Concat', [inner, c], {axis: integer(1)});
  return net.graph([net.conv('y', outer, 12, 4), net.conv('z', b, 4, 4)]);
}

const GRAPH = network();
const PLAN = planQuantization(GRAPH, U8S8);

function cut(changed: Readonly<Record<string, TensorRange>>): Record<string, TensorRange> {
  const ranges = Object.fromEntries([...PLAN.activations.keys()].map(name => [name, {min: -4, max: 8}]));
  return Object.fromEntries(cutToConcats(GRAPH, PLAN, new Map(Object.entries({...ranges, ...changed}))));
}

describe('ranges of what a Concat puts together', () => {
  it('are cut to what its result holds, through all Concats before it', () => {
    const {a, inner, c, outer, x} = cut({outer: {min: -2, max: 5}});
    expect([inner, a, c, outer]).toEqual(new Array(4).fill({min: -2, max: 5}));
    expect(x).toEqual({min: -4, max: 8});
  });

  it('stay as they are where another layer reads the tensor', () => {
    expect(cut({outer: {min: -2, max: 5}})['b']).toEqual({min: -4, max: 8});
  });

  it('are never wider than they were', () => {
    const {a, c} = cut({outer: {min: -2, max: 50}, a: {min: 0, max: 3}});
    expect([a, c]).toEqual([
      {min: 0, max: 3},
      {min: -2, max: 8},
    ]);
  });
});
