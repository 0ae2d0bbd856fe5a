import type {Plan} from '../../documents/plan.ts';
import {formatMs} from '../formatNumbers.ts';
import {signedShare} from '../tablePredictedMeasured.ts';
import {nameOfCandidate} from '../textFromVerification.ts';
import {markup, type Markup} from './markup.ts';
import {stackedBar} from './stackedBar.ts';

/** Every candidate that was built and run before the plan was decided on: predicted beside measured, all on one scale. */
export function verifiedSection({verified}: Plan): Markup | string {
  if (verified === undefined) return '';
  const {rounds, isChanged, candidates} = verified;
  const longestMs = Math.max(
    ...candidates.map(({predictedMs, measured}) => Math.max(predictedMs, measured?.p50Ms ?? 0)),
  );
  const rows = candidates.map(candidate => {
    const {predictedMs, measured, verdict, reason} = candidate;
    const heading = markup`<p class="bar-name"><strong>${nameOfCandidate(candidate)}</strong> <span class="total">predicted ${formatMs(predictedMs)}${
      measured === null
        ? ''
        : `, measured ${formatMs(measured.p50Ms)} (${signedShare(predictedMs / measured.p50Ms - 1)})`
    }</span></p>`;
    const why = `${verdict === 'chosen' ? 'chosen: ' : verdict === 'failed' ? 'failed: ' : ''}${reason}`;
    if (measured === null)
      return markup`<li class="alternative not-allowed">${heading}<p class="why">${why}</p></li>`;
    const {deviceMs, linkMs, cloudMs, p50Ms, interval90} = measured;
    const parts = [
      {kind: 'device', ms: deviceMs},
      {kind: 'link', ms: linkMs},
      {kind: 'cloud', ms: cloudMs},
      // Medians of parts need not add up to the median of the whole.
      {kind: 'serving', ms: Math.max(0, p50Ms - deviceMs - linkMs - cloudMs)},
    ] as const;
    return markup`<li class="alternative ${verdict === 'chosen' ? 'chosen' : 'slower'}">
${heading}
${stackedBar(parts, longestMs)}
<p class="why">${why}; nine chances of ten that the median lies from ${formatMs(interval90.lowMs)} to ${formatMs(interval90.highMs)}</p>
</li>`;
  });
  return markup`<section>
<h2>Measured before it was decided</h2>
<p class="note">${candidates.length} candidates were built and asked in turn, ${rounds} times each, on the machines themselves;
bars are medians. ${isChanged ? 'What was measured overruled the prediction.' : 'What was measured confirms the prediction.'}</p>
<ol class="bars">${rows}</ol>
</section>`;
}
