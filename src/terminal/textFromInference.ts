import type {InferResult} from '../documents/inference.ts';
import {formatInterval} from './formatInterval.ts';
import {formatMs, formatShare} from './formatNumbers.ts';
import {formatTable} from './formatTable.ts';

/** Predicted beside measured, part by part, and what came out. */
export function textFromInference(result: InferResult): string {
  const {measured, predicted} = result;
  const rows = [
    ...(measured.tiers.length > 0
      ? rowsByTier(result)
      : [
          partRow('device', predicted?.deviceMs, measured.headMs),
          partRow('link', predicted?.linkMs, measured.linkMs),
          partRow('cloud', predicted?.cloudMs, measured.tailMs),
        ]),
    partRow('total', predicted?.latencyMs, measured.totalMs),
  ];
  const lines = [
    `${result.device} (release ${result.release}): ${result.requests} requests, ${result.samples} samples`,
    '',
    formatTable(
      [
        {title: ''},
        {title: 'predicted', align: 'right'},
        {title: 'measured', align: 'right'},
        {title: 'error', align: 'right'},
      ],
      rows,
    ),
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
function rowsByTier({measured, predicted}: InferResult): string[][] {
  return measured.tiers.flatMap(({tier, ms}, at) => [
    ...measured.links
      .filter(({to}) => to === tier && at > 0)
      .map(({from, to, ms: linkMs}) => {
        const foreseen = predicted?.links?.find(link => link.from === from && link.to === to);
        const past = measured.links.filter(link => link.to === to).length > 1 ? ` from ${from}` : '';
        return partRow(`link to ${to}${past}`, foreseen?.ms, linkMs);
      }),
    partRow(tier, predicted?.tiers?.find(known => known.tier === tier)?.ms, ms),
  ]);
}

function partRow(name: string, predictedMs: number | undefined, measuredMs: number | null): string[] {
  return [
    name,
    predictedMs === undefined ? '–' : formatMs(predictedMs),
    measuredMs === null ? '–' : formatMs(measuredMs),
    predictedMs === undefined || predictedMs === 0 || measuredMs === null
      ? ''
      : signedShare(predictedMs / measuredMs - 1),
  ];
}

/** How far a prediction is off, with its sign: positive means that it promised too little speed. */
export function signedShare(share: number): string {
  return `${share < 0 ? '−' : '+'}${(Math.abs(share) * 100).toFixed(1)} %`;
}
