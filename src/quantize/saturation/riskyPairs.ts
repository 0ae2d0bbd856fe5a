/**
 * Pairs of weights whose products can leave 16 bits. VPMADDUBSW multiplies two neighbouring unsigned bytes by two signed
 * ones and adds the products with saturation to int16.
 * @see Intel 64 and IA-32 Architectures Software Developer's Manual, PMADDUBSW
 */
export interface RiskyPairs {
  /** Where each channel's pairs begin in `places`, and at the end their number. */
  readonly starts: Int32Array;
  /** Place along the depth of the first weight of each pair; the second follows it. */
  readonly places: Int32Array;
  readonly firsts: Int8Array;
  readonly seconds: Int8Array;
}

const LARGEST_BYTE = 255;
const INT16_MAX = 32_767;
const INT16_MIN = -32_768;

/**
 * @param rows weights as the kernel reads them: `depth` of one output channel after those of the one before. Pairs are
 * places 0 and 1, 2 and 3 …; an odd last weight has a zero beside it.
 */
export function findRiskyPairs(rows: Int8Array, channels: number, depth: number): RiskyPairs {
  const starts = new Int32Array(channels + 1);
  const places: number[] = [];
  for (let channel = 0; channel < channels; channel += 1) {
    const row = channel * depth;
    for (let place = 0; place + 1 < depth; place += 2) {
      if (canSaturate(rows[row + place] as number, rows[row + place + 1] as number)) places.push(place);
    }
    starts[channel + 1] = places.length;
  }
  const firsts = new Int8Array(places.length);
  const seconds = new Int8Array(places.length);
  for (let channel = 0; channel < channels; channel += 1) {
    for (let pair = starts[channel] as number; pair < (starts[channel + 1] as number); pair += 1) {
      const at = channel * depth + (places[pair] as number);
      firsts[pair] = rows[at] as number;
      seconds[pair] = rows[at + 1] as number;
    }
  }
  return {starts, places: Int32Array.from(places), firsts, seconds};
}

/** Only weights of one sign can: the largest sum has 255 beside each positive weight, the smallest beside each negative. */
function canSaturate(first: number, second: number): boolean {
  const highest = LARGEST_BYTE * (Math.max(first, 0) + Math.max(second, 0));
  const lowest = LARGEST_BYTE * (Math.min(first, 0) + Math.min(second, 0));
  return highest > INT16_MAX || lowest < INT16_MIN;
}

/** What saturation takes from the exact sum over one row of inputs, for one channel; to be added to it. */
export function lostToSaturation(row: Uint8Array, channel: number, pairs: RiskyPairs): number {
  const {starts, places, firsts, seconds} = pairs;
  let lost = 0;
  for (let pair = starts[channel] as number, end = starts[channel + 1] as number; pair < end; pair += 1) {
    const place = places[pair] as number;
    const sum =
      (row[place] as number) * (firsts[pair] as number) +
      (row[place + 1] as number) * (seconds[pair] as number);
    if (sum > INT16_MAX) lost += INT16_MAX - sum;
    else if (sum < INT16_MIN) lost += INT16_MIN - sum;
  }
  return lost;
}
