/** Bounds of what a tensor can hold, channel by channel along one axis; equal bounds are a constant channel. */
export interface ChannelRanges {
  readonly axis: number;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

export function unboundedRanges(axis: number, size: number): ChannelRanges {
  return {
    axis,
    low: new Float64Array(size).fill(-Infinity),
    high: new Float64Array(size).fill(Infinity),
  };
}

/** Of known values: the smallest and largest of each index along `axis`. */
export function rangesOfValues(
  values: ArrayLike<number>,
  shape: readonly number[],
  axis: number,
): ChannelRanges {
  const size = shape[axis] ?? 1;
  const inner = shape.slice(axis + 1).reduce((product, each) => product * each, 1);
  const low = new Float64Array(size).fill(Infinity);
  const high = new Float64Array(size).fill(-Infinity);
  for (let at = 0; at < values.length; at += 1) {
    const channel = Math.floor(at / inner) % size;
    low[channel] = Math.min(low[channel] as number, values[at] as number);
    high[channel] = Math.max(high[channel] as number, values[at] as number);
  }
  return {axis, low, high};
}

/** Bounds of a sum of products w·x; 0 times anything is 0, also where x has no bounds. */
export function addProduct(
  ranges: ChannelRanges,
  channel: number,
  weight: number,
  low: number,
  high: number,
): void {
  if (weight === 0) return;
  const [least, most] = weight > 0 ? [weight * low, weight * high] : [weight * high, weight * low];
  ranges.low[channel] = (ranges.low[channel] as number) + least;
  ranges.high[channel] = (ranges.high[channel] as number) + most;
}

/** Bounds that hold for `value`, too. */
export function widened({axis, low, high}: ChannelRanges, value: number): ChannelRanges {
  return {axis, low: low.map(each => Math.min(each, value)), high: high.map(each => Math.max(each, value))};
}

/** Through a function that nowhere falls; the results are as float32 has them. */
export function mapMonotone({axis, low, high}: ChannelRanges, map: (value: number) => number): ChannelRanges {
  const rounded = (value: number): number => Math.fround(map(value));
  return {axis, low: low.map(rounded), high: high.map(rounded)};
}

/** The channels at these places; -1 stands for a channel that holds `fill`. */
export function pickChannels(
  {low, high}: ChannelRanges,
  axis: number,
  places: ArrayLike<number>,
  fill = 0,
): ChannelRanges {
  const pick = (from: Float64Array): Float64Array =>
    Float64Array.from(places, place => (place < 0 ? fill : (from[place] ?? fill)));
  return {axis, low: pick(low), high: pick(high)};
}

/** Every channel by two others with `combine`, of which one may be a single one for all. */
export function combineRanges(
  a: ChannelRanges,
  b: ChannelRanges,
  size: number,
  combine: (a: readonly [number, number], b: readonly [number, number]) => readonly [number, number],
): ChannelRanges {
  const low = new Float64Array(size);
  const high = new Float64Array(size);
  const at = ({low: lows, high: highs}: ChannelRanges, channel: number): readonly [number, number] => {
    const place = lows.length === 1 ? 0 : channel;
    return [lows[place] as number, highs[place] as number];
  };
  for (let channel = 0; channel < size; channel += 1) {
    const [least, most] = combine(at(a, channel), at(b, channel));
    low[channel] = least;
    high[channel] = most;
  }
  return {axis: a.axis, low, high};
}
