import type {EnvelopeAxis} from '../documents/plan.ts';
import {formatBitsPerSecond, formatMs} from './formatNumbers.ts';

/** Bandwidths, round trips, and speeds as multiples of what was measured. */
export function formatAxisValue(value: number, unit: EnvelopeAxis['unit']): string {
  switch (unit) {
    case 'bytes-per-second':
      return formatBitsPerSecond(value);
    case 'ms':
      return formatMs(value);
    case 'times':
      return `${Number(value.toPrecision(3))} ×`;
  }
}
