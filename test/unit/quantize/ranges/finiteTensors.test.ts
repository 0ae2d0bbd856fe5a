import {describe, expect, it} from 'vitest';
import {finiteTensors} from '../../../../src/quantize/ranges/finiteTensors.ts';
import {float, Network} from '../networks.ts';

/** x → conv → relu → layer → y, whose second operand is given. */
function network(operator: string, weight: number, attributes = {}) {
  const net = new Network(7);
  const x = net.input('x', [1, 4, 8, 8]);
  const relu = net.layer('relu', 'Relu', [net.conv('conv', x, 4, 4)]);
  const operands =
    operator === 'Conv' ? [net.floats('w', [2, 4, 1, 1], new Array<number>(8).fill(weight))] : [];
  return net.graph([net.layer('y', operator, [relu, ...operands], attributes)]);
}

const finiteIn = (graph: ReturnType<typeof network>, ...measured: string[]): string[] => [
  ...finiteTensors(graph, new Set(measured)),
];

describe('tensors that are finite where what they come from is', () => {
  it('are those of convolutions, sums and what moves values', () => {
    expect(finiteIn(network('Conv', 1), 'x', 'conv', 'relu', 'y')).toEqual(['conv', 'relu', 'y']);
  });

  it('are so behind one layer that is not measured, but not behind a chain of them that may overflow', () => {
    expect(finiteIn(network('Conv', 1), 'x', 'relu', 'y')).toEqual(['relu', 'y']);
    expect(finiteIn(network('Conv', 1e12), 'x', 'y')).toEqual([]);
    expect(finiteIn(network('Conv', 1e12), 'x', 'relu', 'y')).toEqual(['relu', 'y']);
  });

  it('are none where what the caller gives is not measured', () => {
    expect(finiteIn(network('Conv', 1), 'conv', 'relu')).toEqual(['relu']);
  });

  it.each([
    ['a weight that is not a number', 'Conv', NaN, {}],
    ['an infinite weight', 'Conv', -Infinity, {}],
    ['weights so large that sums overflow', 'Conv', 1e25, {}],
    ['an operator of which nothing is known', 'Log', 0, {}],
    ['one that divides', 'Reciprocal', 0, {}],
    ['an exponential', 'Elu', 0, {alpha: float(1)}],
  ])('are not those of %s', (_, operator, weight, attributes) => {
    expect(finiteIn(network(operator, weight, attributes), 'x', 'relu', 'y')).toEqual(['relu']);
  });
});
