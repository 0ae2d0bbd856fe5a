import type {SavedBytes} from '../documents/savedBytes.ts';
import {formatBytes} from './formatNumbers.ts';
import {formatTable} from './formatTable.ts';

interface Push {
  readonly device: string;
  readonly release: string;
  readonly outcome: 'activated' | 'unchanged';
  readonly endpointPort: number;
  readonly sentFiles: number;
  readonly sentBytes: number;
  readonly savedBytes: SavedBytes;
}

/** A sentence for each device, and a table of what was sent and what did not have to be. */
export function textFromPushes(pushes: readonly Push[], width?: number): string {
  const sentences = pushes.map(({device, release, outcome, endpointPort}) =>
    outcome === 'unchanged'
      ? `${device} already serves release ${release}: nothing to change.`
      : `${device} serves release ${release} on its port ${endpointPort}.`,
  );
  const changed = pushes.filter(({outcome}) => outcome === 'activated');
  if (changed.length === 0) return sentences.join('\n');
  const table = formatTable(
    [
      {title: 'device', shrinksTo: 12},
      {title: 'files', align: 'right'},
      {title: 'sent', align: 'right'},
      {title: 'there already', align: 'right'},
      {title: 'compressed away', align: 'right'},
      {title: 'saved by deltas', align: 'right'},
    ],
    changed.map(({device, sentFiles, sentBytes, savedBytes}) => [
      device,
      String(sentFiles),
      ...[sentBytes, savedBytes.alreadyThere, savedBytes.byCompression, savedBytes.byDeltas].map(bytes =>
        bytes === 0 ? '-' : formatBytes(bytes),
      ),
    ]),
    width,
  );
  return `${sentences.join('\n')}\n\n${table}`;
}
