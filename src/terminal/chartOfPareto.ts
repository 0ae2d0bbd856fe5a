import {wrapText} from './formatTable.ts';
import type {ShownFront} from './shownFront.ts';

const HEIGHT = 12;
const WIDEST = 64;
const LEAST_WIDTH = 16;

/** The points of a front in characters, the first goal to the right and the second upward, each axis from its least to its most. */
export function chartOfPareto({titles, points}: ShownFront, width = 100): string {
  const [xs, ys] = ([0, 1] as const).map(at => rangeOf(points.map(({amounts}) => amounts[at]))) as [
    Range,
    Range,
  ];
  const labels = [ys.most, ys.least].map(written);
  const margin = Math.max(...labels.map(({length}) => length));
  const columns = Math.max(LEAST_WIDTH, Math.min(WIDEST, width - margin - 2));
  const grid = Array.from({length: HEIGHT}, () => new Array<string>(columns).fill(' '));
  // The chosen one last: where two fall on one place it is the one that is seen.
  for (const {amounts, isChosen, isSupported} of [...points].sort(
    (one, other) => Number(one.isChosen) - Number(other.isChosen),
  )) {
    const row = grid[HEIGHT - 1 - placeOf(amounts[1], ys, HEIGHT)];
    if (row !== undefined) row[placeOf(amounts[0], xs, columns)] = isChosen ? '◆' : isSupported ? '●' : '○';
  }
  const lines = grid.map((row, at) => {
    const label = at === 0 ? labels[0] : at === HEIGHT - 1 ? labels[1] : '';
    return `${(label ?? '').padStart(margin)} │${row.join('').trimEnd()}`;
  });
  const [left, right] = [written(xs.least), written(xs.most)];
  const gap = ' '.repeat(Math.max(1, columns - left.length - right.length));
  const signs = [
    ...(points.some(({isChosen}) => isChosen) ? ['◆ this plan'] : []),
    '● on the convex hull',
    ...(points.some(({isSupported}) => !isSupported) ? ['○ inside it'] : []),
  ];
  return [
    wrapText(`${titles[1]} (upward) over ${titles[0]}`, width),
    ...lines,
    `${' '.repeat(margin)} └${'─'.repeat(columns)}`,
    `${' '.repeat(margin + 2)}${left}${gap}${right}`,
    wrapText(signs.join(', '), width),
  ].join('\n');
}

interface Range {
  readonly least: number;
  readonly most: number;
}

function rangeOf(values: readonly number[]): Range {
  return {least: Math.min(...values), most: Math.max(...values)};
}

function placeOf(value: number, {least, most}: Range, places: number): number {
  return most === least ? 0 : Math.round(((value - least) / (most - least)) * (places - 1));
}

function written(value: number): string {
  return String(Number(value.toPrecision(3)));
}
