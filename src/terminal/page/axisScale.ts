/** Values to positions along an axis, with the values that are written at it. */
export interface AxisScale {
  readonly toPixel: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Powers of ten, no more than `mostTicks` of them, over a range of positive numbers. */
export function logScale(
  [low, high]: readonly [number, number],
  [start, end]: readonly [number, number],
  mostTicks: number,
): AxisScale {
  const span = Math.log10(high / low);
  const toPixel = (value: number): number =>
    start + (span === 0 ? 0.5 : Math.log10(value / low) / span) * (end - start);
  // A value such as 1e4/8 may lie a rounding below the power of ten that it is in other units.
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const step = Math.max(1, Math.ceil((last - first + 1) / mostTicks));
  const ticks: number[] = [];
  for (let power = first; power <= last; power += step) ticks.push(10 ** power);
  return {toPixel, ticks};
}

/** From 0 in steps of 1, 2 or 5 times a power of ten, up to the first step that is not below `high`. */
export function linearScale(
  high: number,
  [start, end]: readonly [number, number],
  mostTicks: number,
): AxisScale {
  const least = (high > 0 ? high : 1) / mostTicks;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * ([1, 2, 5, 10].find(factor => factor * power >= least) ?? 10);
  const count = Math.max(1, Math.ceil((high > 0 ? high : 1) / step - 1e-9));
  const top = count * step;
  return {
    toPixel: value => start + (value / top) * (end - start),
    // Multiplied, not added up: 0.1 + 0.2 is not 0.3.
    ticks: Array.from({length: count + 1}, (_, at) => at * step),
  };
}
