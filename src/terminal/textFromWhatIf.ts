import type {WhatIf, WhatIfAnswer} from '../documents/explanation.ts';
import {formatBitsPerSecond, formatMs} from './formatNumbers.ts';
import {wrapText} from './formatTable.ts';

/** What `edgewise explain` shows when it is asked what would be the best under other conditions. */
export function textFromWhatIf({asked, best, chosen, isProven}: WhatIfAnswer, width?: number): string {
  const where = textFromConditions(asked);
  const answer =
    best.name === chosen.name
      ? `${where} this plan is the best: ${best.name}, ${formatMs(best.latencyMs)}.`
      : `${where} ${best.name} is the best: ${formatMs(best.latencyMs)}. This plan (${chosen.name}) would take ${formatMs(chosen.latencyMs)}.`;
  const limits = isProven
    ? ''
    : ' Several quantities differ at once: this compares the placements that the plan knows, not all.';
  return wrapText(answer + limits, width);
}

/** "At 20 Mbit/s, with a round trip of 45 ms and with a cloud 2 times slower,". */
function textFromConditions({bandwidthBytesPerSecond, roundTripMs, cloudSlower}: WhatIf): string {
  const parts = [
    ...(bandwidthBytesPerSecond === undefined ? [] : [`at ${formatBitsPerSecond(bandwidthBytesPerSecond)}`]),
    ...(roundTripMs === undefined ? [] : [`with a round trip of ${formatMs(roundTripMs)}`]),
    ...(cloudSlower === undefined ? [] : [`with a cloud ${textFromSlowness(cloudSlower)}`]),
  ];
  const text = [parts.slice(0, -1).join(', '), parts.at(-1) ?? ''].filter(part => part !== '').join(' and ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)},`;
}

function textFromSlowness(slower: number): string {
  if (slower === 1) return 'as fast as measured';
  const [factor, word] = slower > 1 ? [slower, 'slower'] : [1 / slower, 'faster'];
  return `${Number(factor.toPrecision(3))} times ${word}`;
}
