import type {PlanVerification, VerifiedCandidate} from '../documents/planVerification.ts';
import {formatMs} from './formatNumbers.ts';
import {formatTable, wrapText} from './formatTable.ts';
import {nameOfPrecision} from './textFromPrecision.ts';
import {signedShare} from './tablePredictedMeasured.ts';

/** Each candidate as it was predicted and as it was measured, and what that decided. */
export function textFromVerification(
  {rounds, isChanged, candidates}: PlanVerification,
  width?: number,
): string {
  const table = formatTable(
    [
      {title: 'candidate', shrinksTo: 18},
      {title: 'predicted', align: 'right'},
      {title: 'measured', align: 'right'},
      {title: '90 %', align: 'right'},
      {title: 'p95', align: 'right'},
      {title: 'error', align: 'right'},
      {title: 'verdict', shrinksTo: 16},
    ],
    candidates.map(candidate => {
      const {predictedMs, measured, verdict, reason} = candidate;
      const why =
        verdict === 'chosen' ? `chosen: ${reason}` : verdict === 'failed' ? `failed: ${reason}` : reason;
      return [
        nameOfCandidate(candidate),
        formatMs(predictedMs),
        ...(measured === null
          ? ['–', '–', '–', '']
          : [
              formatMs(measured.p50Ms),
              `${formatMs(measured.interval90.lowMs)} to ${formatMs(measured.interval90.highMs)}`,
              formatMs(measured.p95Ms),
              signedShare(predictedMs / measured.p50Ms - 1),
            ]),
        why,
      ];
    }),
    width,
  );
  const sentence = isChanged
    ? 'What was measured overruled the prediction.'
    : 'What was measured confirms the prediction.';
  return `${wrapText(`Measured in turn, ${rounds} times. ${sentence}`, width)}\n${table}`;
}

/** The placement, and how what crosses travels where that is not as it is. */
export function nameOfCandidate({name, boundary, input, isPacked, ...precisions}: VerifiedCandidate): string {
  const travel = nameOfPrecision(
    {boundary: boundary ?? 'as-is', input: input ?? 'as-is', isPacked},
    precisions,
  );
  return travel === 'as it is' ? name : `${name}, ${travel}`;
}
