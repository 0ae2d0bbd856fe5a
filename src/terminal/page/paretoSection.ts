import type {Plan} from '../../documents/plan.ts';
import {shownFrontOf} from '../shownFront.ts';
import {sentenceFromProof} from '../textFromPareto.ts';
import {drawPareto} from './drawPareto.ts';
import {markup, type Markup} from './markup.ts';

/** The placements that no other beats in both goals; nothing in a plan that was not asked for them. */
export function paretoSection({pareto}: Plan): Markup {
  if (pareto === undefined) return markup``;
  const front = shownFrontOf(pareto);
  const [first, second] = front.titles;
  const rows = front.points.map(({name, amounts, isChosen, isSupported}, at) => {
    const note = [...(isChosen ? ['this plan'] : []), ...(isSupported ? [] : ['inside the hull'])].join(', ');
    const [one, other] = amounts.map(amount => String(Number(amount.toPrecision(4))));
    return markup`<tr${isChosen ? markup` class="now"` : ''}><td>${at + 1}</td><td>${name}</td><td class="number">${one ?? ''}</td><td class="number">${other ?? ''}</td><td>${note}</td></tr>`;
  });
  return markup`<section>
<h2>What one goal costs in the other</h2>
<p class="note">No other placement is better in both: ${first} against ${second}. ${sentenceFromProof(front)}</p>
${front.points.length > 1 ? drawPareto(front) : ''}
<div class="scroll" tabindex="0" role="group" aria-label="table, may be scrolled"><table>
<thead><tr><th scope="col">#</th><th scope="col">placement</th><th scope="col" class="number">${first}</th><th scope="col" class="number">${second}</th><th scope="col">note</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
</section>`;
}
