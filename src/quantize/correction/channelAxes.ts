/**
 * Where the channels of a tensor lie: the stride of each axis that counts them, so that channel = Σ coordinate · stride.
 * [N, S, C] has {2 → 1}, the same split into heads [N, S, H, D] has {2 → D, 3 → 1}. Axes of size 1 count nothing and are
 * never here.
 */
export type ChannelAxes = ReadonlyMap<number, number>;

type Shape = readonly number[];

export function areEqualAxes(one: ChannelAxes, other: ChannelAxes): boolean {
  return one.size === other.size && [...one].every(([axis, stride]) => other.get(axis) === stride);
}

/** Whether the last axis alone counts the channels. */
export function isOnLastAxis(axes: ChannelAxes, shape: Shape): boolean {
  return axes.size === 1 && axes.has(shape.length - 1);
}

/**
 * The same axes in another operand or result of an elementwise layer, whose shapes are aligned at their ends; `null` when
 * that one is broadcast along one of them.
 */
export function alignedAxes(axes: ChannelAxes, from: Shape, to: Shape): ChannelAxes | null {
  const offset = to.length - from.length;
  const isCounted = [...axes.keys()].every(axis => to[axis + offset] === from[axis]);
  return isCounted ? new Map([...axes].map(([axis, stride]) => [axis + offset, stride])) : null;
}

/** After a layer that moves axis `at` to `places[at]`, or away (`null`); `null` when that takes channels away. */
export function movedAxes(axes: ChannelAxes, places: readonly (number | null)[]): ChannelAxes | null {
  const moved = new Map<number, number>();
  for (const [axis, stride] of axes) {
    const place = places[axis] ?? null;
    if (place === null) return null;
    moved.set(place, stride);
  }
  return moved;
}

/**
 * After the values have been laid out in another shape. Both shapes fall into the shortest runs of axes that hold as much;
 * `null` when a run counts channels and something else as well.
 */
export function reshapedAxes(axes: ChannelAxes, before: Shape, after: Shape): ChannelAxes | null {
  if (product(before) !== product(after) || before.includes(0)) return null;
  const reshaped = new Map<number, number>();
  for (let from = 0, to = 0; from < before.length || to < after.length;) {
    const [first, target] = [from, to];
    let left = before[from++] ?? 1;
    let right = after[to++] ?? 1;
    while (left !== right) {
      if (left < right) left *= before[from++] ?? 1;
      else right *= after[to++] ?? 1;
    }
    const stride = strideOfRun(axes, before, first, from);
    if (stride === null) return null;
    if (stride > 0) strides(after, target, to, stride).forEach(([axis, each]) => reshaped.set(axis, each));
  }
  return reshaped;
}

/** Of a run's last place; 0 when it counts no channels, `null` when it counts something else as well. */
function strideOfRun(axes: ChannelAxes, shape: Shape, from: number, to: number): number | null {
  const long = Array.from({length: to - from}, (_, at) => from + at).filter(axis => (shape[axis] ?? 1) > 1);
  if (!long.some(axis => axes.has(axis))) return 0;
  const stride = axes.get(long.at(-1) ?? -1) ?? 0;
  const asOne = new Map(strides(shape, from, to, stride));
  return long.every(axis => axes.get(axis) === asOne.get(axis)) ? stride : null;
}

/** Row-major strides of the axes of a run that are longer than 1. */
function strides(shape: Shape, from: number, to: number, last: number): [axis: number, stride: number][] {
  const found: [number, number][] = [];
  let stride = last;
  for (let axis = to - 1; axis >= from; axis -= 1) {
    const size = shape[axis] ?? 1;
    if (size > 1) found.push([axis, stride]);
    stride *= size;
  }
  return found;
}

function product(sizes: Shape): number {
  return sizes.reduce((all, size) => all * size, 1);
}
