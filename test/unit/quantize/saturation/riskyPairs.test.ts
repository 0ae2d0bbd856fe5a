import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {findRiskyPairs, lostToSaturation} from '../../../../src/quantize/saturation/riskyPairs.ts';

const byte = fc.integer({min: 0, max: 255});
const signedByte = fc.integer({min: -128, max: 127});

/** PMADDUBSW and PADDD as Intel's manual words them, on one channel. */
function saturatedSum(inputs: readonly number[], weights: readonly number[]): number {
  let sum = 0;
  for (let place = 0; place < weights.length; place += 2) {
    const pair =
      (inputs[place] ?? 0) * (weights[place] ?? 0) + (inputs[place + 1] ?? 0) * (weights[place + 1] ?? 0);
    sum += Math.max(-32768, Math.min(32767, pair));
  }
  return sum;
}

function exactSum(inputs: readonly number[], weights: readonly number[]): number {
  return weights.reduce((sum, weight, place) => sum + weight * (inputs[place] ?? 0), 0);
}

describe('pairs of weights that can saturate', () => {
  it('account for everything that saturation takes from a sum, whatever the inputs', () => {
    const rows = fc.integer({min: 1, max: 9}).chain(depth =>
      fc.record({
        inputs: fc.array(byte, {minLength: depth, maxLength: depth}),
        weights: fc.array(fc.oneof(signedByte, fc.constantFrom(127, -128)), {
          minLength: depth,
          maxLength: depth,
        }),
      }),
    );
    fc.assert(
      fc.property(rows, ({inputs, weights}) => {
        const pairs = findRiskyPairs(Int8Array.from(weights), 1, weights.length);
        const row = Uint8Array.from(inputs);
        expect(exactSum(inputs, weights) + lostToSaturation(row, 0, pairs)).toBe(
          saturatedSum(inputs, weights),
        );
      }),
    );
  });

  it('are none without need: for each there are inputs with which it saturates', () => {
    fc.assert(
      fc.property(signedByte, signedByte, (first, second) => {
        const pairs = findRiskyPairs(Int8Array.of(first, second), 1, 2);
        const worst = [first, second].map(weight => (weight > 0 ? 255 : 0));
        const best = [first, second].map(weight => (weight < 0 ? 255 : 0));
        const saturates = [worst, best].some(
          inputs => saturatedSum(inputs, [first, second]) !== exactSum(inputs, [first, second]),
        );
        expect(pairs.places.length).toBe(saturates ? 1 : 0);
      }),
    );
  });

  it('are none when weights use 7 bits', () => {
    const seven = fc.integer({min: -64, max: 64});
    fc.assert(
      fc.property(seven, seven, (first, second) => {
        expect(findRiskyPairs(Int8Array.of(first, second), 1, 2).places.length).toBe(0);
      }),
    );
  });

  it('belong to their channels, and pairs do not reach into the next', () => {
    // The last weight of the first channel and the first of the second are neighbours in memory only.
    const rows = [0, 0, 127, 127, 127, 0, -128, -128, 0];
    const {starts, places} = findRiskyPairs(Int8Array.from(rows), 3, 3);
    expect([...starts]).toEqual([0, 0, 1, 2]);
    expect([...places]).toEqual([0, 0]);
  });
});
