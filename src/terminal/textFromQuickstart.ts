import type {QuickstartResult, QuickstartRow} from '../documents/quickstart.ts';
import {formatBytes, formatMs, formatShare} from './formatNumbers.ts';
import {formatTable} from './formatTable.ts';
import {signedShare} from './tablePredictedMeasured.ts';

/** The quickstart's closing table and what the reader can do next. */
export function textFromQuickstart(result: QuickstartResult): string {
  const table = formatTable(
    [
      {title: 'placement'},
      {title: 'device + cloud layers', align: 'right'},
      {title: 'sent', align: 'right'},
      {title: 'predicted', align: 'right'},
      {title: 'measured', align: 'right'},
      {title: 'error', align: 'right'},
      {title: 'same answers', align: 'right'},
      {title: 'top-1', align: 'right'},
    ],
    result.rows.map(cellsOf),
    120,
  );
  const largest = Math.max(...result.rows.map(row => row.maxAbsoluteDifference));
  const samples = result.rows[0]?.samples ?? 0;
  return [
    `${result.model}: one request, median, as the device's endpoint measures it`,
    '',
    table,
    '',
    result.isExact
      ? `Every placement answers all ${samples} samples like the unsplit model (largest difference ${largest.toExponential(1)}).`
      : `Some answers differ from the unsplit model's by up to ${largest.toExponential(1)}: this must not be.`,
    `It took ${result.seconds.toFixed(0)} s. Go on alone: cd ${result.folder}, and`,
    ...result.commands
      .filter(command => !command.endsWith('lab down'))
      .map(command => `  ${command.includes(' lab up ') ? withoutProject(command) : command}`),
  ].join('\n');
}

/** The project is there by now: `lab up` starts its lab again, and would not make another one in its place. */
function withoutProject(labUp: string): string {
  return labUp.replace(/ --model .*$/, '');
}

function cellsOf(row: QuickstartRow): string[] {
  return [
    row.sameAs === null ? row.name : `${row.name} (is ${row.sameAs})`,
    `${row.deviceLayers} + ${row.cloudLayers}`,
    formatBytes(row.upBytes),
    formatMs(row.predictedMs),
    formatMs(row.measuredMs),
    signedShare(row.predictedMs / row.measuredMs - 1),
    `${row.identicalSamples}/${row.samples}`,
    row.accuracy === null ? '–' : formatShare(row.accuracy),
  ];
}
