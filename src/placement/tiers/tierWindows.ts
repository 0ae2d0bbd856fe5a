import {layersByRank} from './tierTables.ts';
import type {TierTables} from './tierTables.ts';

/** Windows take half of the layers, then a quarter, … and overlap by half. */
const HALVINGS = 4;

/** Of so many stretches any two make a window, so that what leaves one can make room for what comes to the other. */
const PAIRED_STRETCHES = 8;

/** Sets of layers that lie near each other: stretches of the order that the tables rank layers in, and pairs of such. */
export function windowsOf(tables: TierTables): (readonly number[])[] {
  const order = layersByRank(tables);
  const windows: (readonly number[])[] = [];
  for (let halving = 1; halving <= HALVINGS; halving++) {
    const length = Math.ceil(order.length / 2 ** halving);
    const step = Math.max(1, Math.floor(length / 2));
    for (let start = 0; start + step < order.length; start += step)
      windows.push(order.slice(start, start + length));
  }
  const length = Math.ceil(order.length / PAIRED_STRETCHES);
  for (let left = 0; left < order.length; left += length)
    for (let right = left + 2 * length; right < order.length; right += length)
      windows.push([...order.slice(left, left + length), ...order.slice(right, right + length)]);
  return windows;
}
