import type {BlockWeights, MatrixLayout} from './blocks.ts';

/** Rows of a matrix that are read together while their columns are packed: a cache line of 64 bytes is then used whole. */
const TILE_WIDTH = 64;

export interface PackedBlocks {
  /** [width, blocks, blockSize · bits / 8]; for Gather [width, depth · bits / 8] */
  readonly blobs: Uint8Array;
  /** [width, ceil(blocks · bits / 8)]; null where all are half the range. */
  readonly zeroPoints: Uint8Array | null;
}

/**
 * The integers as MatMulNBits reads them: column by column of the product, each block padded to its whole size with zero
 * points; 4-bit integers two to a byte, the first in the low half. Zero points of a column likewise.
 * @see onnxruntime/docs/ContribOperators.md, com.microsoft.MatMulNBits
 */
export function packForMatMul(
  {codes, zeroPoints}: BlockWeights,
  {depth, width, isTransposed}: MatrixLayout,
  {bits, blockSize}: {readonly bits: 4 | 8; readonly blockSize: number},
): PackedBlocks {
  const blocks = Math.ceil(depth / blockSize);
  const half = 2 ** (bits - 1);
  const padded = blocks * blockSize;
  const blobs = new Uint8Array((width * padded * bits) / 8);
  // Columns in the order of the blobs, a few at a time.
  const columns = new Uint8Array(TILE_WIDTH * padded);
  const [depthStride, widthStride] = isTransposed ? [1, depth] : [width, 1];
  for (let left = 0; left < width; left += TILE_WIDTH) {
    const tile = Math.min(TILE_WIDTH, width - left);
    for (let row = 0; row < depth; row += 1) {
      const from = row * depthStride + left * widthStride;
      for (let column = 0; column < tile; column += 1) {
        columns[column * padded + row] = codes[from + column * widthStride] as number;
      }
    }
    for (let column = 0; column < tile; column += 1) {
      const last = zeroPoints?.[(left + column + 1) * blocks - 1] ?? half;
      columns.fill(last, column * padded + depth, (column + 1) * padded);
    }
    const packed = columns.subarray(0, tile * padded);
    if (bits === 8) blobs.set(packed, left * padded);
    else packNibbles(packed, blobs.subarray((left * padded) / 2));
  }
  return {blobs, zeroPoints: zeroPoints === null ? null : packRows(zeroPoints, blocks, bits, half)};
}

/**
 * The integers as GatherBlockQuantized reads them from uint8: row by row of the table, without padding. Rows of 4-bit
 * integers must be even.
 */
export function packForGather(
  {codes, zeroPoints}: BlockWeights,
  {depth}: MatrixLayout,
  {bits, blockSize}: {readonly bits: 4 | 8; readonly blockSize: number},
): PackedBlocks {
  const blocks = Math.ceil(depth / blockSize);
  return {
    blobs: bits === 8 ? codes : packNibbles(codes, new Uint8Array(Math.ceil(codes.length / 2))),
    zeroPoints: zeroPoints === null ? null : packRows(zeroPoints, blocks, bits, 2 ** (bits - 1)),
  };
}

/** Two to a byte, the first in the low half; an odd last one has a 0 beside it. */
export function packNibbles(codes: Uint8Array, into: Uint8Array): Uint8Array {
  const pairs = codes.length >> 1;
  for (let at = 0; at < pairs; at += 1) {
    into[at] = ((codes[2 * at] as number) & 15) | ((codes[2 * at + 1] as number) << 4);
  }
  if (codes.length % 2 === 1) into[pairs] = (codes[codes.length - 1] as number) & 15;
  return into;
}

/** Each row of zero points starts a new byte; the half byte that an odd row leaves holds half the range. */
function packRows(zeroPoints: Uint8Array, blocks: number, bits: 4 | 8, half: number): Uint8Array {
  if (bits === 8) return zeroPoints;
  const rowBytes = Math.ceil(blocks / 2);
  const rows = zeroPoints.length / blocks;
  const even = new Uint8Array(rows * rowBytes * 2).fill(half);
  for (let row = 0; row < rows; row += 1) {
    even.set(zeroPoints.subarray(row * blocks, (row + 1) * blocks), row * rowBytes * 2);
  }
  return packNibbles(even, new Uint8Array(rows * rowBytes));
}
