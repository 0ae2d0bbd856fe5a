import type {RolloutSummary} from '../documents/rollout.ts';
import {formatTable} from './formatTable.ts';

/** More rows are a wall: those that are as they should be are counted instead. */
const MOST_ROWS = 40;

export function textFromRollout(
  {id, outcome, reason, waves, devices}: RolloutSummary,
  width: number,
): string {
  const isFine = ({phase}: RolloutSummary['devices'][number]) =>
    phase === 'confirmed' || phase === 'unchanged';
  const shown =
    devices.length <= MOST_ROWS ? devices : devices.filter(each => !isFine(each)).slice(0, MOST_ROWS);
  const left = devices.length - shown.length;
  return [
    `Rollout ${id}: ${outcome ?? 'not ended'}${reason === null ? '' : `. ${reason}`}`,
    '',
    formatTable(
      [
        {title: 'wave', align: 'right'},
        {title: 'devices', align: 'right'},
        {title: 'verdict'},
        {title: 'why', isWrapped: true},
      ],
      waves.map(({wave, devices: count, verdict, gates}) => [
        String(wave),
        String(count),
        verdict ?? '–',
        gates.find(gate => gate.verdict !== 'pass')?.reason ?? '',
      ]),
      width,
    ),
    '',
    formatTable(
      [
        {title: 'device', shrinksTo: 12},
        {title: 'class', shrinksTo: 8},
        {title: 'wave', align: 'right'},
        {title: 'phase'},
        {title: 'detail', isWrapped: true},
      ],
      shown.map(({device, hardwareClass, wave, phase, detail}) => [
        device,
        hardwareClass,
        String(wave),
        phase,
        detail ?? '',
      ]),
      width,
    ),
    ...(left === 0 ? [] : [`… and ${left} more devices`]),
  ].join('\n');
}
