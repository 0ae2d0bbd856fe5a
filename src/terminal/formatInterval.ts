import type {PlanTotals} from '../documents/plan.ts';
import {formatMs} from './formatNumbers.ts';

/** "21 ms to 24.5 ms in nine of ten measurements", or "" for plans that were made before plans had it. */
export function formatInterval({interval90}: Pick<PlanTotals, 'interval90'>): string {
  if (interval90 === undefined) return '';
  return `${formatMs(interval90.lowMs)} to ${formatMs(interval90.highMs)} in nine of ten measurements`;
}

export function inBrackets(text: string): string {
  return text === '' ? '' : ` (${text})`;
}
