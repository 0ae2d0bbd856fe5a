import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {reshapedAxes, type ChannelAxes} from '../../../../src/quantize/correction/channelAxes.ts';

/** The channel of every place in row-major order, by definition. */
function channels(axes: ChannelAxes, shape: readonly number[]): number[] {
  const count = shape.reduce((all, size) => all * size, 1);
  return Array.from({length: count}, (_, place) => {
    let rest = place;
    let channel = 0;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      channel += (rest % shape[axis]!) * (axes.get(axis) ?? 0);
      rest = Math.floor(rest / shape[axis]!);
    }
    return channel;
  });
}

describe('the axes of channels after a reshape', () => {
  const axes = (...entries: [number, number][]): ChannelAxes => new Map(entries);

  it.each<[string, ChannelAxes, number[], number[], ChannelAxes | null]>([
    ['split into heads', axes([2, 1]), [1, 6, 8], [1, 6, 2, 4], axes([2, 4], [3, 1])],
    ['put together again', axes([2, 4], [3, 1]), [1, 6, 2, 4], [1, 6, 8], axes([2, 1])],
    ['with an axis of 1 put before', axes([1, 1]), [6, 8], [1, 6, 8, 1], axes([2, 1])],
    ['with tokens and batch as one', axes([2, 1]), [2, 3, 8], [6, 8], axes([1, 1])],
    ['with tokens and channels as one', axes([2, 1]), [2, 3, 8], [2, 24], null],
    ['with heads in another order', axes([2, 1], [3, 2]), [1, 6, 2, 4], [1, 6, 8], null],
    ['of another size', axes([1, 1]), [2, 8], [8], null],
  ])('are known when they are %s', (_, before, from, to, after) => {
    expect(reshapedAxes(before, from, to)).toEqual(after);
  });

  it('lead to the same channel for every value', () => {
    const sizes = fc.array(fc.constantFrom<number>(1, 2, 3, 4, 6), {minLength: 1, maxLength: 4});
    fc.assert(
      fc.property(sizes, sizes, fc.nat(), fc.boolean(), (before, shuffled, at, isPair) => {
        const count = before.reduce((all, size) => all * size, 1);
        const rest = count / shuffled.reduce((all, size) => all * size, 1);
        fc.pre(Number.isInteger(rest));
        const after = [...shuffled, rest];
        const axis = at % before.length;
        const counted: [number, number][] = [[axis, 1]];
        if (isPair && axis > 0) counted.push([axis - 1, before[axis]!]);
        const given = new Map(counted.filter(([one]) => before[one]! > 1));
        const found = reshapedAxes(given, before, after);
        if (found !== null) expect(channels(found, after)).toEqual(channels(given, before));
        // And back again.
        if (found !== null) expect(reshapedAxes(found, after, before)).toEqual(given);
      }),
      {numRuns: 500},
    );
  });
});
