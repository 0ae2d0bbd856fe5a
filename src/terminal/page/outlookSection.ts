import type {PlanOutlook} from '../../documents/planOutlook.ts';
import {nameOfAxis, textFromProof, textFromStretch} from '../textFromOutlook.ts';
import {markup, type Markup} from './markup.ts';

/** Which placement is the best for the plan's goal at every value of each quantity, one of them changed at a time. */
export function outlookSection({placements, axes}: PlanOutlook): Markup {
  return markup`<section>
<h2>What would change the answer</h2>
<p class="note">The best of all placements for the plan's goal, within its limits, at every value of one quantity, everything else as measured.</p>
${axes.map(axis => {
  const rows = axis.pieces.map(({from, to, placement}, at) => {
    const holdsNow = from <= axis.current && (to === null || axis.current < to);
    const name = placement === null ? 'nothing keeps within the limits' : (placements[placement]?.name ?? '');
    return markup`<tr${holdsNow ? markup` class="now"` : ''}><td>${at + 1}</td><td>${textFromStretch(axis, from, to)}${holdsNow ? ' (now)' : ''}</td><td>${name}</td></tr>`;
  });
  return markup`<h3>Over ${nameOfAxis(axis)}</h3>
<p class="note">${textFromProof(axis)}</p>
<div class="scroll" tabindex="0" role="group" aria-label="table, may be scrolled"><table>
<thead><tr><th scope="col">#</th><th scope="col">from, to</th><th scope="col">best placement</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>`;
})}
</section>`;
}
