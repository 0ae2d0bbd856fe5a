/** Documents have finite numbers only. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
