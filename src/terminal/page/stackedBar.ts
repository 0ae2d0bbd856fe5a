import type {PlanTotals} from '../../documents/plan.ts';
import {formatMs} from '../formatNumbers.ts';
import {joinMarkup, markup, type Markup} from './markup.ts';

export interface BarPart {
  readonly kind: 'device' | 'link' | 'cloud' | 'serving';
  readonly ms: number;
}

const LENGTH = 1000;
const HEIGHT = 22;

export function partsOfTotals({deviceMs, linkMs, cloudMs, overheadMs}: PlanTotals): BarPart[] {
  return [
    {kind: 'device', ms: deviceMs},
    {kind: 'link', ms: linkMs},
    {kind: 'cloud', ms: cloudMs},
    {kind: 'serving', ms: overheadMs},
  ];
}

/** Parts one after the other on a scale on which `longestMs` is the whole width; below it the same in numbers. */
export function stackedBar(parts: readonly BarPart[], longestMs: number): Markup {
  let x = 0;
  const rects = parts.map(({kind, ms}) => {
    const width = longestMs === 0 ? 0 : (ms / longestMs) * LENGTH;
    const rect = markup`<rect class="${kind}" x="${fixed(x)}" y="0" width="${fixed(width)}" height="${HEIGHT}"/>`;
    x += width;
    return rect;
  });
  const shown = parts.filter(({ms}) => ms > 0);
  const label = shown.map(({kind, ms}) => `${kind} ${formatMs(ms)}`).join(', ');
  const numbers = shown.map(
    ({kind, ms}) => markup`<span class="part"><i class="key ${kind}"></i>${kind} ${formatMs(ms)}</span>`,
  );
  return markup`<svg class="bar" role="img" aria-label="${label}" viewBox="0 0 ${LENGTH} ${HEIGHT}" preserveAspectRatio="none">${rects}</svg>
<p class="parts">${joinMarkup(numbers, ' ')}</p>`;
}

function fixed(length: number): string {
  return length.toFixed(1);
}
