import {formatMs} from './formatNumbers.ts';
import {formatTable} from './formatTable.ts';

/** As workflows say it; this room knows documents only. */
interface Changes {
  readonly isUpToDate: boolean;
  readonly changes: readonly {
    readonly plan: string;
    readonly kind: string;
    readonly before: Side | null;
    readonly after: Side | null;
    readonly movedLayers: readonly unknown[];
  }[];
}

interface Side {
  readonly placement: string;
  readonly latencyMs: number;
}

/** What `edgewise plan --check` shows: the plans that would be made beside those that are compared with. */
export function textFromPlanChanges({isUpToDate, changes}: Changes, width?: number): string {
  const cell = (side: Side | null): string =>
    side === null ? '-' : `${side.placement}, ${formatMs(side.latencyMs)}`;
  const table = formatTable(
    [
      {title: 'plan', shrinksTo: 20},
      {title: ''},
      {title: 'layers moved', align: 'right'},
      {title: 'before', shrinksTo: 14},
      {title: 'now', shrinksTo: 14},
    ],
    changes.map(({plan, kind, before, after, movedLayers}) => [
      plan,
      kind,
      String(movedLayers.length),
      cell(before),
      cell(after),
    ]),
    width,
  );
  const verdict = isUpToDate
    ? 'The plans that are there are what planning gives.'
    : 'The plans that are there are not what planning gives now. Write and commit them: edgewise plan';
  return `${table}\n\n${verdict}`;
}
