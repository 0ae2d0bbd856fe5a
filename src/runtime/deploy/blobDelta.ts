/**
 * A delta makes one blob of another of the same length: fine-tuned weights lie where the old ones lay. Form: the magic, one
 * byte with the width of an element, and for each MiB of the blob the length (u32, little-endian) of a zstd frame and the
 * frame. In it are the differences of the bytes modulo 256, the first byte of every element first, then the second, and so on:
 * of a float the bytes with the exponent hardly change, those behind them do.
 */
export const DELTA_MAGIC = 'EWDELTA1';
export const DELTA_HEADER_BYTES = DELTA_MAGIC.length + 1;
export const DELTA_CHUNK_BYTES = 2 ** 20;
/** Above zstd's own bound for what does not become smaller. */
export const MOST_FRAME_BYTES = DELTA_CHUNK_BYTES + 2 ** 14;

/** 1: bytes, 2: half floats, 4: floats. */
export const DELTA_WIDTHS = [1, 2, 4] as const;
export type DeltaWidth = (typeof DELTA_WIDTHS)[number];

/** What is to be added to `base` to have `target`, both of one length, in the order of a delta's frames. */
export function differenceOf(target: Uint8Array, base: Uint8Array, width: DeltaWidth): Uint8Array {
  const difference = new Uint8Array(target.length);
  let at = 0;
  for (let offset = 0; offset < width; offset += 1)
    for (let place = offset; place < target.length; place += width)
      difference[at++] = target[place]! - base[place]!;
  return difference;
}

/** The inverse: `targetOf(differenceOf(target, base, width), base, width)` is `target`. */
export function targetOf(difference: Uint8Array, base: Uint8Array, width: DeltaWidth): Uint8Array {
  const target = new Uint8Array(difference.length);
  let at = 0;
  for (let offset = 0; offset < width; offset += 1)
    for (let place = offset; place < target.length; place += width)
      target[place] = base[place]! + difference[at++]!;
  return target;
}
