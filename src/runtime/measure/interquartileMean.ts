/**
 * The mean of the middle half: as deaf to a few disturbed runs as the median, but true also where times come in two
 * kinds, as on a machine whose processor is rationed and where a short exchange is either stopped once or not at all.
 */
export function interquartileMean(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const cut = Math.floor(sorted.length / 4);
  const middle = sorted.slice(cut, sorted.length - cut);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}
