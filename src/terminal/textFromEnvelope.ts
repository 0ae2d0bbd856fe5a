import type {EnvelopeAxis, Envelope} from '../documents/plan.ts';
import {formatBitsPerSecond, formatMs} from './formatNumbers.ts';
import {formatTable, wrapText} from './formatTable.ts';

type Piece = EnvelopeAxis['pieces'][number];

/** Over which bandwidths the plan holds, and which placement is the best at all others. */
export function textFromEnvelope(
  placements: Envelope['placements'],
  {current, pieces}: EnvelopeAxis,
  width?: number,
): string {
  // The chosen placement is the first; where others are as good just now, it may have no stretch of its own.
  const held = pieces.find(
    ({from, to, placement}) => placement === 0 && from <= current && (to === null || current <= to),
  );
  const table = formatTable(
    [{title: 'bandwidth'}, {title: 'best placement', shrinksTo: 14}, {title: 'latency'}],
    pieces.map(piece => [
      `${textFromStretch(piece)}${piece === held ? ' (now)' : ''}`,
      placements[piece.placement]?.name ?? '',
      textFromLatency(piece),
    ]),
    width,
  );
  const now = formatBitsPerSecond(current);
  const sentence =
    held === undefined
      ? `At ${now}, as measured, another placement is as good as this plan.`
      : `This plan holds ${textFromStretch(held)} (now ${now}), with everything else as measured.`;
  return [wrapText(sentence, width), table].join('\n');
}

function textFromStretch({from, to}: Piece): string {
  if (to === null) return `from ${formatBitsPerSecond(from)} on`;
  return `from ${formatBitsPerSecond(from)} to ${formatBitsPerSecond(to)}`;
}

/** A faster link never takes longer, so the second number is the smaller one. */
function textFromLatency({latencyMsFrom, latencyMsTo}: Piece): string {
  const [from, to] = [formatMs(latencyMsFrom), formatMs(latencyMsTo)];
  return from === to ? from : `${from} down to ${to}`;
}
