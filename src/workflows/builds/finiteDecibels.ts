import {NO_SIGNAL_DB} from '../../documents/noSignal.ts';

/** Documents have finite numbers only: `null` says that the values are equal. */
export function finiteDecibels(decibels: number): number | null {
  return decibels === Infinity ? null : Math.max(NO_SIGNAL_DB, Number.isNaN(decibels) ? -Infinity : decibels);
}
