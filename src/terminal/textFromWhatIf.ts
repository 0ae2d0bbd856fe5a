import type {WhatIf, WhatIfAnswer} from '../documents/explanation.ts';
import {formatBitsPerSecond, formatMs} from './formatNumbers.ts';
import {wrapText} from './formatTable.ts';

/** What `edgewise explain` shows when it is asked what would be the best under other conditions. */
export function textFromWhatIf(
  {asked, best, chosen, isProven, keepsCeiling}: WhatIfAnswer,
  width?: number,
): string {
  const where = textFromConditions(asked);
  if (keepsCeiling !== undefined)
    return wrapText(
      `${where} this plan (${chosen.name}) ${keepsCeiling ? 'keeps' : 'breaks'} its ceiling: ${amountsOf(chosen)}. ` +
        'Whether another placement is better within the ceiling then, only planning again can tell.',
      width,
    );
  const answer =
    best.name === chosen.name
      ? `${where} this plan is the best: ${best.name}, ${amountsOf(best)}.`
      : `${where} ${best.name} is the best: ${amountsOf(best)}. This plan (${chosen.name}) would take ${amountsOf(chosen)}.`;
  const limits = isProven
    ? ''
    : asked.pricePerHour === undefined
      ? ' Several quantities differ at once: this compares the placements that the plan knows, not all.'
      : ' Not proven: the search ended before it had excluded all others.';
  return wrapText(answer + limits, width);
}

function amountsOf({latencyMs, money}: WhatIfAnswer['best']): string {
  if (money === undefined) return formatMs(latencyMs);
  return `${formatMs(latencyMs)} and ${Number(money.amount.toPrecision(3))} ${money.currency} a request`;
}

/** "At 20 Mbit/s, with a round trip of 45 ms and with a cloud 2 times slower,". */
function textFromConditions({
  bandwidthBytesPerSecond,
  roundTripMs,
  cloudSlower,
  pricePerHour,
}: WhatIf): string {
  const parts = [
    ...(bandwidthBytesPerSecond === undefined ? [] : [`at ${formatBitsPerSecond(bandwidthBytesPerSecond)}`]),
    ...(roundTripMs === undefined ? [] : [`with a round trip of ${formatMs(roundTripMs)}`]),
    ...(cloudSlower === undefined ? [] : [`with a cloud ${textFromSlowness(cloudSlower)}`]),
    ...(pricePerHour === undefined ? [] : [`at ${pricePerHour.amount} ${pricePerHour.currency} an hour`]),
  ];
  const text = [parts.slice(0, -1).join(', '), parts.at(-1) ?? ''].filter(part => part !== '').join(' and ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)},`;
}

function textFromSlowness(slower: number): string {
  if (slower === 1) return 'as fast as measured';
  const [factor, word] = slower > 1 ? [slower, 'slower'] : [1 / slower, 'faster'];
  return `${Number(factor.toPrecision(3))} times ${word}`;
}
