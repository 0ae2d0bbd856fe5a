import type {PlanPrecision, PrecisionCandidate} from '../documents/planPrecision.ts';
import {textFromTierPrecisions, tierPrecisionsOf, type TierPrecisions} from '../documents/tierBuilds.ts';
import {formatBytes, formatColumn} from './formatNumbers.ts';
import {formatTable} from './formatTable.ts';

/** Each way in which what crosses could travel, what it would take, and why it was taken or left. */
export function textFromPrecision({candidates}: PlanPrecision, width?: number): string {
  const latencies = candidates.map(({predictedMs}) => predictedMs);
  const totals = formatColumn(latencies, latencies);
  const rows = candidates.map((candidate, at) => [
    nameOfPrecision(candidate, tierPrecisionsOf(candidate)),
    totals[at] ?? '-',
    candidate.upBytes === null ? '-' : formatBytes(candidate.upBytes),
    candidate.verdict === 'chosen' ? `chosen: ${candidate.reason}` : candidate.reason,
  ]);
  const columns = [
    {title: 'what crosses goes'},
    {title: 'total ms', align: 'right' as const},
    {title: 'sends up', align: 'right' as const},
    {title: 'verdict', shrinksTo: 16},
  ];
  return formatTable(columns, rows, width);
}

export function nameOfPrecision(
  {boundary, input, isPacked}: Pick<PrecisionCandidate, 'boundary' | 'input' | 'isPacked'>,
  precisions: TierPrecisions,
): string {
  const parts = [...(input === 'pixels' ? ['pixels'] : []), ...(boundary === 'as-is' ? [] : [boundary])];
  const name = parts.length === 0 ? 'as it is' : `as ${parts.join(' and ')}`;
  const travel = isPacked === true ? `${name}, packed` : name;
  const builds = textFromTierPrecisions(precisions);
  if (builds === '') return travel;
  return `${builds}${travel === 'as it is' ? '' : `, ${travel}`}`;
}
