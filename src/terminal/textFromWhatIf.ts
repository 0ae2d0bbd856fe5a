import type {WhatIf, WhatIfAnswer, WhatIfPlacement} from '../documents/explanation.ts';
import {formatBitsPerSecond, formatMs} from './formatNumbers.ts';
import {wrapText} from './formatTable.ts';

/** What `edgewise explain` shows when it is asked what would be the best under other conditions. */
export function textFromWhatIf(
  {asked, best, chosen, isProven, isFeasible, keepsCeiling, offBy, breaks}: WhatIfAnswer,
  width?: number,
): string {
  const where = textFromConditions(asked);
  if (keepsCeiling !== undefined)
    return wrapText(
      `${where} this plan (${chosen.name}) ${keepsCeiling ? 'keeps' : 'breaks'} its ceiling: ${amountsOf(chosen)}. ` +
        'Whether another placement is better within the ceiling then, only planning again can tell.',
      width,
    );
  const own =
    breaks === undefined
      ? `This plan (${chosen.name}) would take ${amountsOf(chosen)}.`
      : `This plan (${chosen.name}) would not keep ${breaks.join(' and ')}.`;
  if (isFeasible === false) return wrapText(`${where} nothing keeps within the limits. ${own}`, width);
  const answer =
    best.name === chosen.name
      ? `${where} this plan is the best: ${best.name}, ${amountsOf(best)}.`
      : `${where} ${best.name} is the best: ${amountsOf(best)}. ${own}`;
  const limits = isProven
    ? ''
    : typeof offBy === 'number'
      ? ` Nothing is better by more than ${Number((100 * offBy).toPrecision(2))} %.`
      : asked.pricePerHour === undefined && offBy === undefined
        ? ' Several quantities differ at once: this compares the placements that the plan knows, not all.'
        : ' Not proven: the search ended before it had excluded all others.';
  return wrapText(answer + limits, width);
}

function amountsOf({latencyMs, money, amount}: WhatIfPlacement): string {
  if (amount !== undefined && (amount.unit !== 'ms' || amount.value !== latencyMs)) {
    const written = `${Number(amount.value.toPrecision(4))}${amount.unit === '' ? '' : ` ${amount.unit}`}`;
    return `${written} in ${formatMs(latencyMs)}`;
  }
  if (money === undefined) return formatMs(latencyMs);
  return `${formatMs(latencyMs)} and ${Number(money.amount.toPrecision(3))} ${money.currency} a request`;
}

/** "At 20 Mbit/s, with a round trip of 45 ms and with a cloud 2 times slower,". */
function textFromConditions({
  bandwidthBytesPerSecond,
  link,
  roundTripMs,
  cloudSlower,
  pricePerHour,
}: WhatIf): string {
  const where = link === undefined ? '' : ` from the ${link.from} to the ${link.to}`;
  const parts = [
    ...(bandwidthBytesPerSecond === undefined
      ? []
      : [`at ${formatBitsPerSecond(bandwidthBytesPerSecond)}${where}`]),
    ...(roundTripMs === undefined ? [] : [`with a round trip of ${formatMs(roundTripMs)}${where}`]),
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
