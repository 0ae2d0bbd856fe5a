import type {OutlookAxis, PlanOutlook} from '../documents/planOutlook.ts';
import {formatAxisValue} from './formatAxisValue.ts';
import {formatShare} from './formatNumbers.ts';
import {formatTable, wrapText} from './formatTable.ts';

/** Which placement is the best for the plan's goal at every bandwidth, round trip and speed of the cloud. */
export function textFromOutlook({placements, axes}: PlanOutlook, width?: number): string {
  const rows = axes.flatMap(axis =>
    axis.pieces.map(({from, to, placement}, at) => {
      const holdsNow = from <= axis.current && (to === null || axis.current < to);
      return [
        at === 0 ? nameOfAxis(axis) : '',
        `${textFromStretch(axis, from, to)}${holdsNow ? ' (now)' : ''}`,
        placement === null ? 'nothing keeps within the limits' : (placements[placement]?.name ?? ''),
      ];
    }),
  );
  const table = formatTable(
    [{title: 'what changes'}, {title: 'from, to'}, {title: 'best placement', shrinksTo: 14}],
    rows,
    width,
  );
  const notes = axes.flatMap(axis =>
    axis.offBy === 0 ? [] : [wrapText(`Over ${nameOfAxis(axis)}: ${textFromProof(axis)}.`, width)],
  );
  return ['What would be the best, with everything else as measured', table, ...notes].join('\n');
}

/** "the bandwidth", and of which link where there are several kinds of ends. */
export function nameOfAxis({what, from, to}: OutlookAxis): string {
  const link = from === undefined || to === undefined ? '' : `, ${from} to ${to}`;
  switch (what) {
    case 'link-bandwidth':
      return `bandwidth${link}`;
    case 'round-trip':
      return `round trip${link}`;
    case 'cloud-speed':
      return "the cloud's speed";
  }
}

export function textFromProof({offBy}: OutlookAxis): string {
  if (offBy === 0) return 'exact among all placements';
  return offBy === null
    ? 'not proven, the search ended before it had excluded all others'
    : `nothing is better than these by more than ${formatShare(offBy)}`;
}

export function textFromStretch({unit}: OutlookAxis, from: number, to: number | null): string {
  const text = (value: number): string => formatAxisValue(value, unit);
  return to === null ? `${text(from)} and more` : `${text(from)} to ${text(to)}`;
}
