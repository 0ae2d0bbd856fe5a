import {formatMs} from './formatNumbers.ts';
import {formatTable} from './formatTable.ts';

/** What it is, and both times in ms, where they are known. */
export type PredictedMeasured = readonly [
  name: string,
  predictedMs: number | undefined,
  measuredMs: number | null,
];

/** Predicted beside measured, and how far the prediction is off. */
export function tablePredictedMeasured(rows: readonly PredictedMeasured[]): string {
  return formatTable(
    [
      {title: ''},
      {title: 'predicted', align: 'right'},
      {title: 'measured', align: 'right'},
      {title: 'error', align: 'right'},
    ],
    rows.map(([name, predictedMs, measuredMs]) => [
      name,
      predictedMs === undefined ? '–' : formatMs(predictedMs),
      measuredMs === null ? '–' : formatMs(measuredMs),
      // Of nothing there is no share.
      !predictedMs || !measuredMs ? '' : signedShare(predictedMs / measuredMs - 1),
    ]),
  );
}

/** How far a prediction is off, with its sign: positive means that it promised too little speed. */
export function signedShare(share: number): string {
  return `${share < 0 ? '−' : '+'}${(Math.abs(share) * 100).toFixed(1)} %`;
}
