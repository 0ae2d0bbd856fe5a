import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {integerLimits} from '../../src/quantize/integerLimits.ts';
import {parametersFromRange} from '../../src/quantize/parametersFromRange.ts';
import {quantizeBias, smallestWeightScales} from '../../src/quantize/quantizeBias.ts';
import {quantizeValues} from '../../src/quantize/quantizeValues.ts';
import {dequantizeWeights, quantizeWeights} from '../../src/quantize/quantizeWeights.ts';
import {ScaleGroups} from '../../src/quantize/scaleGroups.ts';

/** A float32 whose quotient by a scale still has digits. */
const number = fc.double({min: -1e6, max: 1e6, noNaN: true}).map(Math.fround);
const types = fc.constantFrom('uint8', 'int8', 'uint16', 'int16');
/** Rounding of the quotient to float32, relative to the quotient. */
const FLOAT_ERROR = 2 ** -23;

describe('quantised and dequantised', () => {
  it('a value inside the range is off by half a step at most, and 0 not at all', () => {
    fc.assert(
      fc.property(number, number, number, types, fc.boolean(), (a, b, c, elementType, isSymmetric) => {
        const [min, value, max] = [a, b, c].toSorted((one, other) => one - other) as [number, number, number];
        const options = {elementType, isSymmetric};
        const parameters = parametersFromRange({min, max}, options);
        const {scale, zeroPoint} = parameters;
        const {lowest, highest} = integerLimits(elementType, options);
        expect(zeroPoint).toBeGreaterThanOrEqual(lowest);
        expect(zeroPoint).toBeLessThanOrEqual(highest);
        const [integer, zero] = quantizeValues(Float32Array.of(value, 0), parameters, options);
        expect(zero).toBe(zeroPoint);
        // One more half step at the ends, where the zero point was rounded; a symmetric uint8 has one integer less above.
        const isUnsignedSymmetric = isSymmetric && elementType.startsWith('u');
        const atEnds = integer === lowest || integer === highest ? (isUnsignedSymmetric ? 1 : 0.5) : 0;
        const steps = Math.abs(value / scale) * FLOAT_ERROR + 0.5 + atEnds;
        expect(Math.abs((integer! - zeroPoint) * scale - value)).toBeLessThanOrEqual(
          steps * scale * 1.000001,
        );
      }),
    );
  });

  it('weights are off by half a step of their channel at most, and never clipped', () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({min: 1, max: 4}), fc.integer({min: 1, max: 5}), fc.integer({min: 1, max: 4})),
        fc.constantFrom(0, 1, 2, null),
        fc.constantFrom(7, 8),
        fc.infiniteStream(number),
        (dims, axis, bits, numbers) => {
          const count = dims[0] * dims[1] * dims[2];
          const weights = Float32Array.from({length: count}, () => numbers.next().value as number);
          const quantized = quantizeWeights(weights, dims, axis, {bits: bits});
          const back = dequantizeWeights(quantized, dims, axis);
          const inner = dims.slice((axis ?? 2) + 1).reduce((all, size) => all * size, 1);
          const limit = bits === 8 ? 127 : 64;
          weights.forEach((weight, at) => {
            const channel = axis === null ? 0 : Math.floor(at / inner) % dims[axis];
            expect(Math.abs(quantized.values[at]!)).toBeLessThanOrEqual(limit);
            expect(Math.abs(back[at]! - weight)).toBeLessThanOrEqual(quantized.scales[channel]! * 0.50002);
          });
        },
      ),
    );
  });

  it('biases are off by half a step, whatever their size and that of the weights', () => {
    const scale = fc.double({min: 1e-12, max: 1e6, noNaN: true}).map(Math.fround);
    fc.assert(
      fc.property(fc.array(number, {minLength: 1, maxLength: 4}), scale, scale, (numbers, input, size) => {
        const bias = Float32Array.from(numbers);
        const smallestScales = smallestWeightScales(bias, input, bias.length);
        const weights = new Float32Array(bias.length).fill(size);
        const {scales} = quantizeWeights(weights, [bias.length, 1], 0, {bits: 8, smallestScales});
        const {values, scales: biasScales} = quantizeBias(bias, input, scales);
        bias.forEach((value, at) => {
          const found = values[at]! * biasScales[at]!;
          expect(Math.abs(found - value)).toBeLessThanOrEqual(biasScales[at]! * 0.500001);
        });
      }),
    );
  });
});

describe('groups of equal scale', () => {
  it('are what is connected, whatever the order of joining', () => {
    const names = Array.from({length: 12}, (_, at) => `t${at}`);
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(fc.constantFrom(...names), {minLength: 1, maxLength: 4})),
        joins => {
          const groups = new ScaleGroups();
          for (const name of names) groups.add(name);
          for (const join of joins) groups.join(join);
          const numbers = groups.numbers();
          // Connected components by repeated relabelling.
          const labels = new Map(names.map((name, at) => [name, at]));
          for (let isSettled = false; !isSettled;) {
            isSettled = true;
            for (const join of joins) {
              const least = Math.min(...join.map(name => labels.get(name)!));
              for (const name of join) {
                if (labels.get(name) === least) continue;
                labels.set(name, least);
                isSettled = false;
              }
            }
          }
          for (const one of names) {
            for (const other of names) {
              expect(numbers.get(one) === numbers.get(other)).toBe(labels.get(one) === labels.get(other));
            }
          }
        },
      ),
    );
  });
});
