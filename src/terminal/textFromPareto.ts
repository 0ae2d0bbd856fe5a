import {chartOfPareto} from './chartOfPareto.ts';
import {formatTable, wrapText} from './formatTable.ts';
import type {ShownFront} from './shownFront.ts';

/** The placements that no other beats in both goals: as a table, as a chart where there are several, and what is proven. */
export function textFromPareto(front: ShownFront, width?: number): string {
  const {titles, points} = front;
  const table = formatTable(
    [
      {title: '', shrinksTo: 1},
      {title: 'placement', shrinksTo: 14},
      {title: titles[0], align: 'right'},
      {title: titles[1], align: 'right'},
      {title: '', shrinksTo: 10},
    ],
    points.map(({name, amounts, isChosen, isSupported}, at) => [
      String(at + 1),
      name,
      ...amounts.map(amount => String(Number(amount.toPrecision(4)))),
      [...(isChosen ? ['this plan'] : []), ...(isSupported ? [] : ['inside the hull'])].join(', '),
    ]),
    width,
  );
  return [
    `No other placement is better in both: ${titles.join(' against ')}`,
    table,
    ...(points.length > 1 ? ['', chartOfPareto(front, width)] : []),
    wrapText(sentenceFromProof(front), width),
  ].join('\n');
}

/** What is proven of a front. */
export function sentenceFromProof({points, isComplete}: ShownFront): string {
  if (isComplete) return 'Proven: each of these, and that there are no others.';
  const open = points.filter(({toNext}) => toNext !== 'all');
  const isHull = open.every(({toNext}) => toNext === 'hull');
  const stretches = open.map(point => `${points.indexOf(point) + 1} to ${points.indexOf(point) + 2}`);
  const where = stretches.length === 0 ? 'at the ends' : `from ${stretches.join(', ')}`;
  return isHull && open.length > 0
    ? `Proven but for others inside the convex hull ${where}: the search ended before it had excluded them.`
    : `Not proven ${where}: the search ended early, and others may be better there.`;
}
