import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {packForGather, packForMatMul} from '../../../../src/quantize/precision/packBlocks.ts';
import type {BlockOptions, BlockWeights, MatrixLayout} from '../../../../src/quantize/precision/blocks.ts';
import {quantizeBlocks} from '../../../../src/quantize/precision/quantizeBlocks.ts';
import {normals} from './precisionModels.ts';

const layouts = fc.record({
  depth: fc.integer({min: 1, max: 100}),
  width: fc.integer({min: 1, max: 9}),
  isTransposed: fc.boolean(),
});
const options = fc.record({
  bits: fc.constantFrom(4 as const, 8 as const),
  blockSize: fc.constantFrom(16, 32, 64),
  isSymmetric: fc.boolean(),
  search: fc.constantFrom('max' as const, 'mse' as const),
});
const seeds = fc.integer({min: 0, max: 1e6});

/** Where a weight of the matrix is stored. */
function placeOf({depth, width, isTransposed}: MatrixLayout, row: number, column: number): number {
  return isTransposed ? column * depth + row : row * width + column;
}

/** The weights that the integers stand for. */
function dequantize(
  weights: BlockWeights,
  layout: MatrixLayout,
  {bits, blockSize}: BlockOptions,
): Float32Array {
  const blocks = Math.ceil(layout.depth / blockSize);
  const values = new Float32Array(layout.depth * layout.width);
  for (let column = 0; column < layout.width; column++) {
    for (let row = 0; row < layout.depth; row++) {
      const block = column * blocks + Math.floor(row / blockSize);
      const place = placeOf(layout, row, column);
      const zeroPoint = weights.zeroPoints?.[block] ?? 2 ** (bits - 1);
      values[place] = weights.scales[block]! * (weights.codes[place]! - zeroPoint);
    }
  }
  return values;
}

function squaredError(one: Float32Array, other: Float32Array): number {
  return one.reduce((sum, value, at) => sum + (value - other[at]!) ** 2, 0);
}

describe('weights in blocks', () => {
  it('are at most half a step away, and a whole one at the end that a symmetric range lacks', () => {
    fc.assert(
      fc.property(layouts, options, seeds, (layout, option, seed) => {
        const values = normals(layout.depth * layout.width, seed);
        const weights = quantizeBlocks(values, layout, {...option, search: 'max'});
        const found = dequantize(weights, layout, option);
        const blocks = Math.ceil(layout.depth / option.blockSize);
        for (let column = 0; column < layout.width; column++) {
          for (let row = 0; row < layout.depth; row++) {
            const place = placeOf(layout, row, column);
            const step = Math.abs(weights.scales[column * blocks + Math.floor(row / option.blockSize)]!);
            const isCutOff = weights.codes[place] === 2 ** option.bits - 1 || weights.codes[place] === 0;
            const bound = step * (isCutOff ? 1 : 0.5) * (1 + 1e-5);
            expect(Math.abs(found[place]! - values[place]!)).toBeLessThanOrEqual(bound);
          }
        }
      }),
    );
  });

  it('are the same whether columns lie side by side or one after the other', () => {
    fc.assert(
      fc.property(layouts, options, seeds, (layout, option, seed) => {
        const columns = {...layout, isTransposed: false};
        const rows = {...layout, isTransposed: true};
        const values = normals(layout.depth * layout.width, seed);
        const turned = Float32Array.from({length: values.length}, (_, at) => {
          const [column, row] = [Math.floor(at / layout.depth), at % layout.depth];
          return values[placeOf(columns, row, column)]!;
        });
        const one = quantizeBlocks(values, columns, option);
        const other = quantizeBlocks(turned, rows, option);
        expect(other.scales).toEqual(one.scales);
        expect(other.zeroPoints).toEqual(one.zeroPoints);
        expect(packForMatMul(other, rows, option)).toEqual(packForMatMul(one, columns, option));
      }),
    );
  });

  it('have no larger squared error when their scales are searched for', () => {
    fc.assert(
      fc.property(layouts, options, seeds, (layout, option, seed) => {
        const values = normals(layout.depth * layout.width, seed);
        const [plain, searched] = (['max', 'mse'] as const).map(search => {
          const weights = quantizeBlocks(values, layout, {...option, search});
          return squaredError(values, dequantize(weights, layout, option));
        }) as [number, number];
        expect(searched).toBeLessThanOrEqual(plain * (1 + 1e-6) + 1e-12);
      }),
    );
  });

  it('lose a twelfth of the squared error to the search, on normally distributed weights and 4 bits', () => {
    const layout = {depth: 1024, width: 64, isTransposed: false};
    const values = normals(1024 * 64, 7);
    const errors = ([true, false] as const).map(isSymmetric => {
      const [plain, searched] = (['max', 'mse'] as const).map(search => {
        const option = {bits: 4, blockSize: 32, isSymmetric, search} as const;
        return squaredError(values, dequantize(quantizeBlocks(values, layout, option), layout, option));
      }) as [number, number];
      return searched / plain;
    });
    for (const share of errors) expect(share).toBeLessThan(11 / 12);
  });

  it('keep zero exactly, and blocks of zeros as zeros', () => {
    const layout = {depth: 40, width: 1, isTransposed: false};
    const values = new Float32Array(40);
    values.set([3, 0, -1, 0], 0);
    for (const isSymmetric of [true, false]) {
      for (const search of ['max', 'mse'] as const) {
        const option = {bits: 4, blockSize: 32, isSymmetric, search} as const;
        const found = dequantize(quantizeBlocks(values, layout, option), layout, option);
        expect([found[1], found[3], ...found.subarray(4)].every(value => value === 0)).toBe(true);
      }
    }
  });

  it('refuse a number of values that does not fit the matrix', () => {
    const layout = {depth: 4, width: 4, isTransposed: false};
    const option = {bits: 4, blockSize: 32, isSymmetric: true, search: 'max'} as const;
    expect(() => quantizeBlocks(new Float32Array(15), layout, option)).toThrow(RangeError);
  });
});

describe('packed blocks', () => {
  it('hold the integers of each column in order, low half byte first, and zero points as padding', () => {
    fc.assert(
      fc.property(layouts, options, seeds, (layout, option, seed) => {
        const {bits, blockSize} = option;
        const weights = quantizeBlocks(normals(layout.depth * layout.width, seed), layout, option);
        const {blobs, zeroPoints} = packForMatMul(weights, layout, option);
        const blocks = Math.ceil(layout.depth / blockSize);
        const half = 2 ** (bits - 1);
        const at = (bytes: Uint8Array, index: number): number =>
          bits === 8 ? bytes[index]! : (bytes[index >> 1]! >> (4 * (index & 1))) & 15;
        expect(blobs).toHaveLength((layout.width * blocks * blockSize * bits) / 8);
        for (let column = 0; column < layout.width; column++) {
          for (let row = 0; row < blocks * blockSize; row++) {
            const block = column * blocks + Math.floor(row / blockSize);
            const isPadding = row >= layout.depth;
            const expected = isPadding
              ? (weights.zeroPoints?.[block] ?? half)
              : weights.codes[placeOf(layout, row, column)];
            expect(at(blobs, column * blocks * blockSize + row)).toBe(expected);
          }
          const rowBytes = Math.ceil((blocks * bits) / 8);
          const stored = zeroPoints?.subarray(column * rowBytes, (column + 1) * rowBytes);
          for (let block = 0; stored && block < blocks; block++) {
            expect(at(stored, block)).toBe(weights.zeroPoints![column * blocks + block]);
          }
        }
      }),
    );
  });

  it('of a table are not padded', () => {
    const layout = {depth: 6, width: 2, isTransposed: true};
    const codes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    const weights = {codes, scales: new Float32Array(2), zeroPoints: Uint8Array.of(3, 5)};
    const {blobs, zeroPoints} = packForGather(weights, layout, {bits: 4, blockSize: 16});
    expect([...blobs]).toEqual([0x21, 0x43, 0x65, 0x87, 0xa9, 0xcb]);
    expect([...zeroPoints!]).toEqual([0x83, 0x85]);
  });
});
