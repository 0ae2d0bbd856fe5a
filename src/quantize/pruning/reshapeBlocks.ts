import {countElements} from '../../documents/elementTypes.ts';

/** Axes whose sizes multiply to the same number before and after a Reshape. */
export interface ReshapeBlock {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/**
 * The finest split of a Reshape into runs of axes that keep their elements among themselves. Axes of size 1 belong to
 * none. `null` when a size is 0 or the numbers of elements differ.
 */
export function reshapeBlocks(from: readonly number[], to: readonly number[]): ReshapeBlock[] | null {
  if (from.includes(0) || countElements(from) !== countElements(to)) return null;
  const left = axesAboveOne(from);
  const right = axesAboveOne(to);
  const blocks: ReshapeBlock[] = [];
  for (let fromAt = 0, toAt = 0; fromAt < left.length;) {
    const block = {from: [left[fromAt++] as number], to: [right[toAt++] as number]};
    for (;;) {
      const before = productOf(from, block.from);
      const after = productOf(to, block.to);
      if (before === after) break;
      if (before < after) block.from.push(left[fromAt++] as number);
      else block.to.push(right[toAt++] as number);
    }
    blocks.push(block);
  }
  return blocks;
}

/** For each index of the `whole` axis, the index of one of the `parts` axes that it is made of. */
export function indexInPart(shape: readonly number[], parts: readonly number[], part: number): Int32Array {
  const inner = productOf(shape, parts.slice(parts.indexOf(part) + 1));
  const size = shape[part] ?? 1;
  return Int32Array.from({length: productOf(shape, parts)}, (_, index) => Math.floor(index / inner) % size);
}

function axesAboveOne(shape: readonly number[]): number[] {
  return shape.flatMap((size, axis) => (size > 1 ? [axis] : []));
}

function productOf(shape: readonly number[], axes: readonly number[]): number {
  return axes.reduce((product, axis) => product * (shape[axis] ?? 1), 1);
}
