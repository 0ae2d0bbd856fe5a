import type {Garbage} from '../documents/garbage.ts';
import {formatBytes} from './formatNumbers.ts';
import {formatTable, wrapText} from './formatTable.ts';

/** A row for this project and each device, and why some could not be looked at. */
export function textFromGarbage({isDryRun, here, devices}: Garbage, width?: number): string {
  const reached = devices.filter(({problem}) => problem === null);
  const bytes = reached.reduce((sum, device) => sum + device.bytes, here.bytes);
  const table = formatTable(
    [
      {title: 'where', shrinksTo: 12},
      {title: 'releases', align: 'right'},
      {title: 'runtimes', align: 'right'},
      {title: 'files', align: 'right'},
      {title: 'size', align: 'right'},
    ],
    [
      ['this project', '-', '-', String(here.files), formatBytes(here.bytes)],
      ...reached.map(({device, releases, runtimes, blobs, bytes: size}) => [
        device,
        String(releases.length),
        String(runtimes.length),
        String(blobs),
        formatBytes(size),
      ]),
    ],
    width,
  );
  const problems = devices.flatMap(({device, problem}) =>
    problem === null ? [] : [wrapText(`Not looked at: ${device}: ${problem.message}`, width)],
  );
  const verdict = isDryRun
    ? `${formatBytes(bytes)} would be freed; nothing was removed.`
    : `${formatBytes(bytes)} freed.`;
  return [table, ...problems, verdict].join('\n\n');
}
