import type {Envelope, EnvelopeAxis, Plan} from '../../documents/plan.ts';
import {formatAxisValue} from '../formatAxisValue.ts';
import {formatMs} from '../formatNumbers.ts';
import {drawEnvelope} from './drawEnvelope.ts';
import {markup, type Markup} from './markup.ts';
import {outlookSection} from './outlookSection.ts';

const TITLES: Readonly<Record<EnvelopeAxis['what'], string>> = {
  'link-bandwidth': 'Over the bandwidth of the link',
  'round-trip': 'Over the round-trip time',
  'cloud-speed': "Over the cloud's speed",
};

/** Which placement is the best at every bandwidth, round trip and speed of the cloud, one of them changed at a time. */
export function envelopeSection({envelope, outlook, cloud}: Plan): Markup {
  if (outlook !== undefined) return outlookSection(outlook);
  if (envelope === undefined)
    return markup`<section>
<h2>What would change the answer</h2>
<p>${
      cloud === null
        ? 'There is no cloud, so nothing does.'
        : 'This plan was made before plans had an envelope over the bandwidth: make it anew (edgewise plan) to see it.'
    }</p>
</section>`;
  return markup`<section>
<h2>What would change the answer</h2>
<p class="note">The best of all placements at every value of one quantity, everything else as measured.</p>
${envelope.axes.map(axis => axisPart(envelope, axis))}
</section>`;
}

function axisPart(envelope: Envelope, axis: EnvelopeAxis): Markup {
  const rows = axis.pieces.map(({from, to, placement, latencyMsFrom, latencyMsTo}, at) => {
    const holdsNow = from <= axis.current && (to === null || axis.current < to);
    const range =
      to === null
        ? `from ${formatAxisValue(from, axis.unit)}`
        : `${formatAxisValue(from, axis.unit)} to ${formatAxisValue(to, axis.unit)}`;
    return markup`<tr${holdsNow ? markup` class="now"` : ''}><td>${at + 1}</td><td>${range}${holdsNow ? ' (now)' : ''}</td><td>${envelope.placements[placement]?.name ?? ''}</td><td class="number">${rangeOf(formatMs(latencyMsFrom), formatMs(latencyMsTo))}</td></tr>`;
  });
  return markup`<h3>${TITLES[axis.what]}</h3>
${axis.what === 'link-bandwidth' ? drawEnvelope(envelope, axis) : ''}
<div class="scroll" tabindex="0" role="group" aria-label="table, may be scrolled"><table>
<thead><tr><th scope="col">#</th><th scope="col">${axis.unit === 'times' ? 'speed' : axis.unit === 'ms' ? 'round trip' : 'bandwidth'}</th><th scope="col">best placement</th><th scope="col" class="number">latency</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>`;
}

function rangeOf(from: string, to: string): string {
  return from === to ? from : `${from} to ${to}`;
}
