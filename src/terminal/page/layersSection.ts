import type {Plan} from '../../documents/plan.ts';
import {formatColumn} from '../formatNumbers.ts';
import {REASON_TEXTS} from '../textFromPlan.ts';
import {markup, type Markup} from './markup.ts';

/** More rows are folded away until asked for. */
const OPEN_ROWS = 24;

/** Why each layer is where it is, with what it takes on either tier. */
export function layersSection({layers}: Plan): Markup {
  const times = layers.flatMap(({deviceMs, cloudMs}) => [deviceMs, cloudMs]);
  const deviceMs = formatColumn(
    layers.map(layer => layer.deviceMs),
    times,
  );
  const cloudMs = formatColumn(
    layers.map(layer => layer.cloudMs),
    times,
  );
  const rows = layers.map(
    ({name, operator, tier, reason}, at) =>
      markup`<tr><td class="name">${name}</td><td>${operator}</td><td><i class="key ${tier}"></i>${tier}</td><td class="number">${deviceMs[at] ?? ''}</td><td class="number">${cloudMs[at] ?? ''}</td><td title="${reason}">${REASON_TEXTS[reason]}</td></tr>`,
  );
  return markup`<section class="wide">
<h2>Why each layer is where it is</h2>
<details${layers.length <= OPEN_ROWS ? markup` open` : ''}><summary>${layers.length} layers</summary>
<div class="scroll" tabindex="0" role="group" aria-label="table, may be scrolled"><table>
<thead><tr><th scope="col">layer</th><th scope="col">operator</th><th scope="col">runs on</th><th scope="col" class="number">device ms</th><th scope="col" class="number">cloud ms</th><th scope="col">why</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
</details>
</section>`;
}
