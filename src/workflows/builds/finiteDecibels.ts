/** What stands in documents for a signal without any sense: outputs that are not numbers. */
const NO_SIGNAL_DB = -999;

/** Documents have finite numbers only: `null` says that the values are equal. */
export function finiteDecibels(decibels: number): number | null {
  return decibels === Infinity ? null : Math.max(NO_SIGNAL_DB, Number.isNaN(decibels) ? -Infinity : decibels);
}
