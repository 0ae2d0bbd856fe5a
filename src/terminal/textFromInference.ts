import type {InferResult} from '../documents/inference.ts';
import {formatInterval} from './formatInterval.ts';
import {formatMs, formatShare} from './formatNumbers.ts';
import {tablePredictedMeasured, type PredictedMeasured} from './tablePredictedMeasured.ts';

/** Predicted beside measured, part by part, and what came out. */
export function textFromInference(result: InferResult): string {
  const {measured, predicted} = result;
  const parts: PredictedMeasured[] =
    measured.tiers.length > 0
      ? rowsByTier(result)
      : [
          ['device', predicted?.deviceMs, measured.headMs],
          ['link', predicted?.linkMs, measured.linkMs],
          ['cloud', predicted?.cloudMs, measured.tailMs],
        ];
  const lines = [
    `${result.device} (release ${result.release}): ${result.requests} requests, ${result.samples} samples`,
    '',
    tablePredictedMeasured([...parts, ['total', predicted?.latencyMs, measured.totalMs]]),
    '',
    `95 % of the requests took at most ${formatMs(measured.p95Ms)}; seen from here a request takes ${formatMs(measured.seenFromHereMs)}.`,
  ];
  const interval = predicted === null ? '' : formatInterval(predicted);
  if (interval !== '') lines.push(`Predicted: ${interval}.`);
  if (measured.aloneRequests > 0)
    lines.push(
      `${measured.aloneRequests} of ${result.requests} requests were answered by the device alone: the others gave no answer.`,
    );
  if (predicted === null)
    lines.push('The plan of this release is not among plans/, so there is no prediction.');
  if (result.accuracy !== null) {
    lines.push(`Top-1 accuracy ${formatShare(result.accuracy.value)} of ${result.accuracy.samples} samples.`);
  }
  for (const file of result.outputFiles) lines.push(`Written to ${file}`);
  return lines.join('\n');
}

/** Tiers and links in the order in which a request meets them. */
function rowsByTier({measured, predicted}: InferResult): PredictedMeasured[] {
  return measured.tiers.flatMap(({tier, ms}, at): PredictedMeasured[] => [
    ...measured.links
      .filter(({to}) => to === tier && at > 0)
      .map(({from, to, ms: linkMs}): PredictedMeasured => {
        const foreseen = predicted?.links?.find(link => link.from === from && link.to === to);
        const past = measured.links.filter(link => link.to === to).length > 1 ? ` from ${from}` : '';
        return [`link to ${to}${past}`, foreseen?.ms, linkMs];
      }),
    [tier, predicted?.tiers?.find(known => known.tier === tier)?.ms, ms],
  ]);
}
