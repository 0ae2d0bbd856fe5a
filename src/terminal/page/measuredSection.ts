import type {MeasuredAnswer} from '../../documents/measuredAnswer.ts';
import type {Plan} from '../../documents/plan.ts';
import {formatMs} from '../formatNumbers.ts';
import {signedShare} from '../tablePredictedMeasured.ts';
import {markup, type Markup} from './markup.ts';
import {partsOfTotals, stackedBar, type BarPart} from './stackedBar.ts';

/** The prediction beside what `edgewise infer` measured through the device's endpoint. */
export function measuredSection({predicted, device}: Plan, answer: MeasuredAnswer | null): Markup {
  if (answer === null)
    return markup`<section>
<h2>Predicted and measured</h2>
<p>Predicted: ${formatMs(predicted.latencyMs)}. No measurement was given to this page: push the plan, save what
<code>edgewise infer ${device} --evaluation --json</code> prints, and give that file as <code>--measured</code>.</p>
</section>`;

  const {measured, requests, samples, release} = answer;
  const headMs = measured.headMs ?? 0;
  const linkMs = measured.linkMs ?? 0;
  const tailMs = measured.tailMs ?? 0;
  const parts: BarPart[] = [
    {kind: 'device', ms: headMs},
    {kind: 'link', ms: linkMs},
    {kind: 'cloud', ms: tailMs},
    // Medians of parts need not add up to the median of the whole.
    {kind: 'serving', ms: Math.max(0, measured.totalMs - headMs - linkMs - tailMs)},
  ];
  const longestMs = Math.max(predicted.latencyMs, measured.totalMs);
  const error = signedShare(predicted.latencyMs / measured.totalMs - 1);
  return markup`<section>
<h2>Predicted and measured</h2>
<p class="note">Medians over ${requests} requests of ${samples} samples, release ${release}; serving is the rest of the
whole. 95 % of the requests took at most ${formatMs(measured.p95Ms)}.</p>
<ol class="bars">
<li><p class="bar-name"><strong>predicted</strong> <span class="total">${formatMs(predicted.latencyMs)} (${error})</span></p>
${stackedBar(partsOfTotals(predicted), longestMs)}</li>
<li><p class="bar-name"><strong>measured</strong> <span class="total">${formatMs(measured.totalMs)}</span></p>
${stackedBar(parts, longestMs)}</li>
</ol>
</section>`;
}
