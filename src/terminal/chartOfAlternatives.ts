import type {Plan, PlanTotals} from '../documents/plan.ts';
import {formatMs} from './formatNumbers.ts';
import {plainText, shorten} from './formatTable.ts';

const PARTS: readonly (readonly [name: string, letter: string, ms: (totals: PlanTotals) => number])[] = [
  ['device', '█', ({deviceMs}) => deviceMs],
  ['link', '─', ({linkMs}) => linkMs],
  ['cloud', '▒', ({cloudMs}) => cloudMs],
  ['serving', '·', ({overheadMs}) => overheadMs],
];
const LONGEST_NAME = 28;
/** Shorter bars tell nothing apart. */
const LEAST_BAR = 10;
const LONGEST_BAR = 60;
const GAP = '  ';

/** Bars of characters, one for each alternative that has a prediction, all on one scale, no wider than `width`. */
export function chartOfAlternatives(alternatives: Plan['alternatives'], width = 100): string {
  const shown = alternatives.flatMap(({name, verdict, predicted}) => {
    if (predicted === null) return [];
    const plain = plainText(name);
    return [{name: verdict === 'not-allowed' ? `(${plain})` : plain, predicted, verdict}];
  });
  const longestMs = Math.max(0, ...shown.map(({predicted}) => predicted.latencyMs));
  const times = shown.map(({predicted}) => formatMs(predicted.latencyMs));
  const timeWidth = Math.max(0, ...times.map(({length}) => length));
  const forNames = width - LEAST_BAR - timeWidth - 2 * GAP.length;
  const nameWidth = Math.min(
    LONGEST_NAME,
    Math.max(1, forNames),
    Math.max(0, ...shown.map(({name}) => [...name].length)),
  );
  const barWidth = Math.min(LONGEST_BAR, width - nameWidth - timeWidth - 2 * GAP.length);
  const lines = shown.map(({name, predicted}, at) => {
    const label = shorten(name, nameWidth);
    const padding = ' '.repeat(nameWidth - [...label].length);
    const time = (times[at] ?? '').padStart(timeWidth);
    return [label + padding, time, barOf(predicted, longestMs, barWidth)].join(GAP).trimEnd();
  });
  const legend = PARTS.map(([name, letter]) => `${letter} ${name}`).join('  ');
  const notAllowed = shown.some(({verdict}) => verdict === 'not-allowed') ? ['(…) is not allowed'] : [];
  return [...lines, legend, ...notAllowed].join('\n');
}

/** Each part ends at the character nearest to where it ends on the scale, so that rounding does not add up. */
function barOf(totals: PlanTotals, longestMs: number, width: number): string {
  let endMs = 0;
  let bar = '';
  for (const [, letter, msOf] of PARTS) {
    endMs += msOf(totals);
    const end = longestMs === 0 ? 0 : Math.round((endMs / longestMs) * width);
    bar += letter.repeat(Math.max(0, end - bar.length));
  }
  return bar;
}
