import type {Plan} from '../../documents/plan.ts';
import {formatBytes} from '../formatNumbers.ts';
import {arrangeGraph} from './arrangeGraph.ts';
import {BOX_WIDTH, drawGraph} from './drawGraph.ts';
import type {Folding} from './foldLayers.ts';
import {joinMarkup, markup, type Markup} from './markup.ts';
import {graphFromPlan} from './planGraph.ts';

/** Up to this many layers each has a box of its own: what can still be scrolled through. */
const MOST_SINGLE_LAYERS = 60;
/** More boxes, or a row of boxes wider than this, is a picture that nobody reads. */
const MOST_BOXES = 150;
const MOST_WIDTH_PX = 3000;

const NOTES: Readonly<Record<Folding, string>> = {
  none: '',
  chains: 'Layers that follow one another without a branch share a box; point at it for their names.',
  zones: 'The model is too large to draw layer by layer: a box stands for all layers between two cuts.',
};

/** A wider graph stands above the charts, not beside them. */
const MOST_BESIDE_CHARTS_PX = 760;

/** The graph with its cut; of a plan that has no edges, only what crosses. */
export function graphSection(plan: Plan): Markup {
  if (plan.tensors === undefined) return sectionOf('graph-section wide', withoutEdges(plan));
  const {drawing, widthPx} = drawnFrom(plan, plan.tensors);
  return sectionOf(widthPx > MOST_BESIDE_CHARTS_PX ? 'graph-section wide' : 'graph-section', drawing);
}

function sectionOf(style: string, content: Markup): Markup {
  return markup`<section class="${style}">
<h2>The graph and the cut</h2>
${content}
</section>`;
}

function drawnFrom(
  plan: Plan,
  tensors: NonNullable<Plan['tensors']>,
): {readonly drawing: Markup; readonly widthPx: number} {
  const foldings: Folding[] =
    plan.layers.length <= MOST_SINGLE_LAYERS ? ['none', 'chains', 'zones'] : ['chains', 'zones'];
  for (const folding of foldings) {
    const graph = graphFromPlan(plan, tensors, folding);
    if (graph.nodes.length > MOST_BOXES && folding !== 'zones') continue;
    const arrangement = arrangeGraph(
      graph.bands.map(band => ({band, width: BOX_WIDTH})),
      graph.edges,
    );
    if (arrangement.width > MOST_WIDTH_PX && folding !== 'zones') continue;
    const note = NOTES[folding];
    const drawing = markup`${note === '' ? '' : markup`<p class="note">${note}</p>`}
<div class="scroll" tabindex="0" role="group" aria-label="graph, may be scrolled">${drawGraph(plan, graph, arrangement)}</div>`;
    return {drawing, widthPx: arrangement.width};
  }
  throw new Error('a graph folded to its zones is always drawn');
}

function withoutEdges({cut}: Plan): Markup {
  const crossings = cut.map(
    ({tensor, direction, bytes}) => markup`<li>${tensor} ${direction}, ${formatBytes(bytes)}</li>`,
  );
  return markup`<p class="note">This plan was made before plans knew which layer reads from which: make it anew
(<code>edgewise plan</code>) to see its graph. The layers stand in order in the list below.</p>
${crossings.length === 0 ? markup`<p>Nothing crosses the link.</p>` : markup`<p>What crosses the link:</p><ul>${joinMarkup(crossings, '\n')}</ul>`}`;
}
