import type {RolloutSummary} from '../documents/rollout.ts';
import {formatTable, wrapText} from './formatTable.ts';

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
    wrapText(`Rollout ${id}: ${outcome ?? 'not ended'}${reason === null ? '' : `. ${reason}`}`, width),
    countsOf(devices),
    '',
    formatTable(
      [
        {title: 'wave', align: 'right'},
        {title: 'devices', align: 'right'},
        {title: 'verdict'},
        {title: 'why', shrinksTo: 24, isWrapped: true},
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
        {title: 'detail', shrinksTo: 24, isWrapped: true},
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

/** "215 confirmed, 5 failed": how the whole fleet is, in one line. */
function countsOf(devices: RolloutSummary['devices']): string {
  const counts = new Map<string, number>();
  for (const {phase} of devices) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  return [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .map(([phase, count]) => `${count} ${phase}`)
    .join(', ');
}
