import type {Plan} from '../../documents/plan.ts';
import {formatMs} from '../formatNumbers.ts';
import {markup, type Markup} from './markup.ts';
import {partsOfTotals, stackedBar} from './stackedBar.ts';

/** What each alternative would take, by where the time goes, all on one scale. */
export function latencySection({alternatives}: Plan): Markup {
  const longestMs = Math.max(0, ...alternatives.map(({predicted}) => predicted?.latencyMs ?? 0));
  const rows = alternatives.map(({name, predicted, verdict, reason}) => {
    const why = verdict === 'chosen' ? 'chosen: ' : verdict === 'not-allowed' ? 'not allowed: ' : '';
    return markup`<li class="alternative ${verdict}">
<p class="bar-name"><strong>${name}</strong> <span class="total">${predicted === null ? 'no prediction' : formatMs(predicted.latencyMs)}</span></p>
${predicted === null ? '' : stackedBar(partsOfTotals(predicted), longestMs)}
<p class="why">${why}${reason}</p>
</li>`;
  });
  return markup`<section>
<h2>Latency of the alternatives</h2>
<p class="note">Predicted for one request, all bars on one scale. Serving is what an endpoint takes besides its layers.</p>
<ol class="bars">${rows}</ol>
</section>`;
}
