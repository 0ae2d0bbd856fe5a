import type {BlockOptions, BlockParameters, BlockWeights, MatrixLayout} from './blocks.ts';
import {searchBlockScale} from './searchBlockScale.ts';

/** Columns rounded together where they lie side by side: 32 rows of as many floats fit a second-level cache. */
const TILE_WIDTH = 1024;

/**
 * Weights rounded to the nearest integers, by blocks along the depth. Symmetric: the value of largest magnitude becomes
 * −half the range, so that no integer is lost and the scale carries the sign; asymmetric: the block's range, widened to
 * hold 0, is spread over all integers. Blocks of zeros get scale 0.
 * @throws RangeError when the number of values does not fit the layout
 * @see onnxruntime/core/mlas/lib/q4_dq.cpp, range2scale and range2scalezp
 */
export function quantizeBlocks(
  values: Float32Array,
  layout: MatrixLayout,
  options: BlockOptions,
): BlockWeights {
  const {depth, width, isTransposed} = layout;
  if (values.length !== depth * width) {
    throw new RangeError(`${values.length} values for a matrix of ${depth} by ${width}`);
  }
  const count = width * Math.ceil(depth / options.blockSize);
  const weights: BlockWeights = {
    codes: new Uint8Array(values.length),
    scales: new Float32Array(count),
    zeroPoints: options.isSymmetric ? null : new Uint8Array(count),
  };
  if (isTransposed) roundRows(values, depth, options, weights);
  else roundTiles(values, layout, options, weights);
  return weights;
}

/** Each column's weights follow each other. */
function roundRows(
  values: Float32Array,
  depth: number,
  options: BlockOptions,
  {codes, scales, zeroPoints}: BlockWeights,
): void {
  const {blockSize, bits} = options;
  const highest = 2 ** bits - 1;
  const parameters: BlockParameters = {scale: 0, zeroPoint: 0};
  let block = 0;
  for (let column = 0; column < values.length; column += depth) {
    const end = column + depth;
    for (let from = column; from < end; from += blockSize, block += 1) {
      const to = Math.min(from + blockSize, end);
      let min = 0;
      let max = 0;
      for (let at = from; at < to; at += 1) {
        const value = values[at] as number;
        if (value < min) min = value;
        if (value > max) max = value;
      }
      parametersFromExtremes(min, max, options, parameters);
      if (options.search === 'mse') searchBlockScale(values.subarray(from, to), options, parameters);
      scales[block] = parameters.scale;
      if (zeroPoints !== null) zeroPoints[block] = parameters.zeroPoint;
      const inverse = inverseOf(parameters.scale);
      // Half a step more, so that cutting the fraction off rounds to the nearest.
      const shift = parameters.zeroPoint + 0.5;
      for (let at = from; at < to; at += 1) {
        const code = (values[at] as number) * inverse + shift;
        codes[at] = code < 0 ? 0 : code > highest ? highest : code | 0;
      }
    }
  }
}

/** Columns lie side by side: a block's rows are read twice while they are in the cache. */
function roundTiles(
  values: Float32Array,
  {depth, width}: MatrixLayout,
  options: BlockOptions,
  {codes, scales, zeroPoints}: BlockWeights,
): void {
  const {blockSize, bits} = options;
  const highest = 2 ** bits - 1;
  const blocks = Math.ceil(depth / blockSize);
  const minima = new Float32Array(TILE_WIDTH);
  const maxima = new Float32Array(TILE_WIDTH);
  const inverses = new Float64Array(TILE_WIDTH);
  const shifts = new Float64Array(TILE_WIDTH);
  const gathered = new Float32Array(blockSize);
  const parameters: BlockParameters = {scale: 0, zeroPoint: 0};
  for (let left = 0; left < width; left += TILE_WIDTH) {
    const tile = Math.min(TILE_WIDTH, width - left);
    for (let block = 0; block < blocks; block += 1) {
      const rows = Math.min(blockSize, depth - block * blockSize);
      const from = block * blockSize * width + left;
      const to = from + rows * width;
      minima.fill(0);
      maxima.fill(0);
      for (let row = from; row < to; row += width) {
        for (let column = 0; column < tile; column += 1) {
          const value = values[row + column] as number;
          if (value < (minima[column] as number)) minima[column] = value;
          if (value > (maxima[column] as number)) maxima[column] = value;
        }
      }
      for (let column = 0; column < tile; column += 1) {
        parametersFromExtremes(minima[column] as number, maxima[column] as number, options, parameters);
        if (options.search === 'mse') {
          for (let row = 0; row < rows; row += 1)
            gathered[row] = values[from + row * width + column] as number;
          searchBlockScale(rows === blockSize ? gathered : gathered.subarray(0, rows), options, parameters);
        }
        const place = (left + column) * blocks + block;
        scales[place] = parameters.scale;
        if (zeroPoints !== null) zeroPoints[place] = parameters.zeroPoint;
        inverses[column] = inverseOf(parameters.scale);
        shifts[column] = parameters.zeroPoint + 0.5;
      }
      for (let row = from; row < to; row += width) {
        for (let column = 0; column < tile; column += 1) {
          const code =
            (values[row + column] as number) * (inverses[column] as number) + (shifts[column] as number);
          codes[row + column] = code < 0 ? 0 : code > highest ? highest : code | 0;
        }
      }
    }
  }
}

/** `min` ≤ 0 ≤ `max` */
function parametersFromExtremes(
  min: number,
  max: number,
  {bits, isSymmetric}: BlockOptions,
  parameters: BlockParameters,
): void {
  const half = 2 ** (bits - 1);
  const highest = 2 ** bits - 1;
  if (isSymmetric) {
    // 0 is added, because a block of zeros would get the scale −0.
    parameters.scale = Math.fround((max > -min ? max : min) / -half) + 0;
    parameters.zeroPoint = half;
    return;
  }
  const scale = (max - min) / highest;
  parameters.scale = Math.fround(scale);
  parameters.zeroPoint = scale === 0 ? 0 : Math.round(-min / scale);
}

function inverseOf(scale: number): number {
  return scale === 0 ? 0 : 1 / scale;
}
