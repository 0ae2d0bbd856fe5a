import {describe, expect, it} from 'vitest';
import type {Layer} from '../../../../src/model/graph.ts';
import {limitWeight, weightLimits} from '../../../../src/quantize/correction/weightLimits.ts';
import {targetByName} from '../../../../src/targets/targetByName.ts';
import {int, NetworkBuilder} from '../pruning/networks.ts';

const SEVEN_BITS = targetByName('x86').recipe.candidates[0]!.scheme!;
/** OpenVINO adds in 16 bits, too; which products is not known. */
const OTHER_ORDER = {...SEVEN_BITS, weights: {...SEVEN_BITS.weights, addsNeighbours: false}};
const EIGHT_BITS = targetByName('x86-vnni').recipe.candidates[0]!.scheme!;

function layerOf(operator: string, dims: readonly number[], attributes = {}): Layer {
  const net = new NetworkBuilder();
  const weight = net.floats(dims, new Float32Array(dims.reduce((all, size) => all * size, 1)));
  return net.graph([net.layer(operator, [net.input('x', [1, 4]), weight], [1, 4], attributes)]).layers[0]!;
}

describe('what integers a weight may be', () => {
  it('is limited by its own size alone where sums are wide', () => {
    const limits = weightLimits(EIGHT_BITS, layerOf('Conv', [8, 4, 3, 3]), [8, 4, 3, 3]);
    expect(limits).toEqual({highest: 127, partners: null});
  });

  it('depends on the next input channel at the same kernel position', () => {
    const {highest, partners} = weightLimits(SEVEN_BITS, layerOf('Conv', [8, 4, 1, 2]), [8, 4, 1, 2]);
    expect(highest).toBe(127);
    expect([...partners!]).toEqual([2, 3, 0, 1, 6, 7, 4, 5]);
  });

  it('depends on the next row of a matrix, as it lies or turned; an odd last one is alone', () => {
    expect([...weightLimits(SEVEN_BITS, layerOf('MatMul', [5, 2]), [5, 2]).partners!]).toEqual([
      1, 0, 3, 2, -1,
    ]);
    const turned = layerOf('Gemm', [2, 4], {transB: int(1)});
    expect([...weightLimits(SEVEN_BITS, turned, [2, 4]).partners!]).toEqual([1, 0, 3, 2]);
  });

  it('is half of the range for an odd number of channels, and all of it in a depthwise convolution', () => {
    expect(weightLimits(SEVEN_BITS, layerOf('Conv', [8, 3, 3, 3]), [8, 3, 3, 3])).toEqual({
      highest: 64,
      partners: null,
    });
    const depthwise = layerOf('Conv', [8, 1, 3, 3], {group: int(8)});
    expect(weightLimits(SEVEN_BITS, depthwise, [8, 1, 3, 3])).toEqual({highest: 127, partners: null});
  });

  it('is half of the range where it is not known which products are added', () => {
    const dims = [8, 4, 3, 3];
    expect(weightLimits(OTHER_ORDER, layerOf('Conv', dims), dims)).toEqual({highest: 64, partners: null});
  });

  it('leaves 128 to both of a pair of one sign, and 127 to each of opposite signs', () => {
    const limits = {highest: 127, partners: Int32Array.of(1, 0)};
    expect([limitWeight(100, 60, limits), limitWeight(-100, -60, limits)]).toEqual([68, -68]);
    expect([limitWeight(200, -60, limits), limitWeight(-200, 60, limits)]).toEqual([127, -127]);
  });
});
