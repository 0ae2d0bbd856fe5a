import {describe, expect, it} from 'vitest';
import {chooseBlockSizes, type BlockSize} from '../../../../src/quantize/precision/chooseBlockSizes.ts';

/** As MatMulNBits stores 4-bit weights: whole blocks of half bytes, and a float32 each. */
function weights(depth: number, width: number) {
  return {
    count: depth * width,
    bytesAt: (size: BlockSize) => width * Math.ceil(depth / size) * (size / 2 + 4),
  };
}

describe('block sizes', () => {
  it('are the preferred one while the weights fit', () => {
    const layers = [weights(1024, 64), weights(64, 64)];
    expect([...chooseBlockSizes(layers, 32, Infinity).values()]).toEqual([32, 32]);
  });

  it('grow only as far as the bytes ask for, first where that saves most per weight', () => {
    const [even, padded] = [weights(1024, 64), weights(100, 64)];
    // 100 rows take four blocks of 32 or two of 64, 28 bytes of padding either way; 1,024 are whole blocks of any size.
    const all = even.bytesAt(32) + padded.bytesAt(32);
    expect([...chooseBlockSizes([even, padded], 32, all - 1).values()]).toEqual([32, 64]);
  });

  it('pass over sizes that save nothing because of padding', () => {
    const layer = weights(200, 200);
    expect(layer.bytesAt(64)).toBeGreaterThan(layer.bytesAt(32));
    expect(chooseBlockSizes([layer], 32, layer.bytesAt(32) - 1).get(layer)).toBeGreaterThan(64);
  });

  it('stop at the smallest total there is', () => {
    const layer = weights(200, 200);
    const size = chooseBlockSizes([layer], 32, 0).get(layer)!;
    expect(layer.bytesAt(size)).toBe(Math.min(...([32, 64, 128, 256] as const).map(layer.bytesAt)));
  });
});
