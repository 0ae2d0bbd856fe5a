/**
 * A weight tensor seen as [outer, channels, inner] around its channel axis; one channel in all when there is none.
 * Every weight tensor is walked through these three numbers.
 */
export interface WeightLayout {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

/** @throws RangeError when the tensor has no such axis */
export function weightLayout(dims: readonly number[], channelAxis: number | null): WeightLayout {
  const count = product(dims);
  if (channelAxis === null) return {outer: 1, channels: 1, inner: count};
  const channels = dims[channelAxis];
  if (channels === undefined) throw new RangeError(`axis ${channelAxis} of [${dims.join(', ')}]`);
  return {
    outer: product(dims.slice(0, channelAxis)),
    channels,
    inner: product(dims.slice(channelAxis + 1)),
  };
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}
