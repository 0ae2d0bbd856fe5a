import type {Plan} from '../../documents/plan.ts';
import {formatBytes} from '../formatNumbers.ts';
import {shorten} from '../formatTable.ts';
import type {Arrangement} from './arrangeGraph.ts';
import {labelOfNode, type NodeLabel} from './labelOfNode.ts';
import {markup, type Markup} from './markup.ts';
import type {PlanGraph} from './planGraph.ts';

export const BOX_WIDTH = 212;
const BOX_HEIGHT = 44;
const ROW_GAP = 30;
/** Room at the side of the boxes, and above a zone's first row for its name. */
const MARGIN = 24;
const HEADING = 28;
/** A phone's page less its margins. */
const LEAST_WIDTH = 340;
/** Characters that fit a box at its font sizes. */
const NAME_LETTERS = 22;
const DETAIL_LETTERS = 28;

/** The heads of edges within a tier and over the link, by id. */
const ARROWS = ['arrow', 'link-arrow'] as const;

interface Lines {
  /** Top of each row of nodes. */
  readonly rowTops: readonly number[];
  /** Top and bottom of each band; `null` for one without nodes. */
  readonly bands: readonly ({readonly top: number; readonly bottom: number} | null)[];
  readonly height: number;
}

/** A plan's graph as SVG: zones by tier, the link between them as a dashed line, and on it each tensor that crosses. */
export function drawGraph(plan: Plan, graph: PlanGraph, arrangement: Arrangement): Markup {
  const lines = placeRowsOfBands(graph, arrangement);
  const width = Math.ceil(Math.max(LEAST_WIDTH, arrangement.width + 2 * MARGIN));
  const left = (width - arrangement.width) / 2;
  const shifted = {...arrangement, xs: arrangement.xs.map(x => x + left)};
  const paths = graph.edges.map((edge, at) =>
    drawEdge(
      graph,
      shifted,
      lines,
      edge,
      (arrangement.paths[at] ?? []).map(x => x + left),
    ),
  );
  const boxes = graph.nodes.map((_, index) => drawNode(plan, graph, shifted, lines, index));
  const label = `The layers of the plan in order, ${graph.zoneTiers.join(', then ')}; the list below says the same in words.`;
  return markup`<svg class="graph" role="img" aria-label="${label}" width="${width}" height="${lines.height}" viewBox="0 0 ${width} ${lines.height}">
<defs>${ARROWS.map(drawArrowHead)}</defs>
${drawBands(graph, lines, width)}
${paths}
${nameBands(plan, graph, lines)}
${boxes}
</svg>`;
}

function placeRowsOfBands(graph: PlanGraph, {rows, rowCount}: Arrangement): Lines {
  const bandOfRow = Array.from({length: rowCount}, () => 0);
  graph.bands.forEach((band, node) => (bandOfRow[rows[node] ?? 0] = band));
  const rowTops: number[] = [];
  const bands: ({top: number; bottom: number} | null)[] = [];
  let y = 0;
  bandOfRow.forEach((band, row) => {
    const isFirst = band !== bandOfRow[row - 1];
    if (isFirst) bands[band] = {top: y, bottom: y};
    y += isFirst ? HEADING : 0;
    rowTops.push(y);
    y += BOX_HEIGHT + (bandOfRow[row + 1] === band ? ROW_GAP : MARGIN);
    const placed = bands[band];
    if (placed) placed.bottom = y;
  });
  return {
    rowTops,
    bands: Array.from({length: 2 * graph.zoneTiers.length - 1}, (_, band) => bands[band] ?? null),
    height: Math.ceil(y),
  };
}

function drawArrowHead(id: string): Markup {
  return markup`<marker id="${id}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path class="${id}" d="M0,0 L8,4 L0,8 z"/></marker>`;
}

/** The ground of each zone, and between two the line along the link. */
function drawBands(graph: PlanGraph, {bands}: Lines, width: number): Markup[] {
  return bands.flatMap((band, index) => {
    if (band === null) return [];
    const {top, bottom} = band;
    const cutY = top + HEADING + BOX_HEIGHT / 2;
    return index % 2 === 0
      ? [
          markup`<rect class="zone ${graph.zoneTiers[index / 2] ?? 'device'}" x="0" y="${top}" width="${width}" height="${bottom - top}"/>`,
        ]
      : [markup`<line class="cut" x1="0" y1="${cutY}" x2="${width}" y2="${cutY}"/>`];
  });
}

function nameBands(plan: Plan, graph: PlanGraph, {bands}: Lines): Markup[] {
  return bands.flatMap((band, index) => {
    if (band === null) return [];
    const y = band.top + 18;
    const tier = graph.zoneTiers[Math.floor(index / 2)] ?? 'device';
    if (index % 2 === 0) {
      const name = tier === 'device' ? plan.device : (plan.cloud ?? '');
      return [
        markup`<text class="zone-name ${tier}" x="10" y="${y}">${tier.toUpperCase()} ${shorten(name, NAME_LETTERS)}</text>`,
      ];
    }
    const bytes = graph.nodes.reduce(
      (sum, node, at) =>
        node.kind === 'crossing' && graph.bands[at] === index ? sum + (node.tensor.bytes ?? 0) : sum,
      0,
    );
    const direction = tier === 'device' ? 'up' : 'down';
    return [
      markup`<text class="cut-name" x="10" y="${y}">CUT: ${formatBytes(bytes)} ${direction} over the link</text>`,
    ];
  });
}

function drawNode(
  plan: Plan,
  graph: PlanGraph,
  {rows, xs}: Arrangement,
  {rowTops}: Lines,
  index: number,
): Markup {
  const node = graph.nodes[index];
  if (node === undefined) return markup``;
  const x = (xs[index] ?? 0) - BOX_WIDTH / 2;
  const y = rowTops[rows[index] ?? 0] ?? 0;
  const {name, detail, title}: NodeLabel = labelOfNode(plan, node);
  const tier = graph.zoneTiers[Math.floor((graph.bands[index] ?? 0) / 2)] ?? 'device';
  const kind = node.kind === 'layers' ? `layer ${tier}` : node.kind;
  const corner = node.kind === 'layers' ? 4 : BOX_HEIGHT / 2;
  return markup`<g class="node ${kind}"><title>${title}</title>
<rect class="box" x="${round(x)}" y="${y}" width="${BOX_WIDTH}" height="${BOX_HEIGHT}" rx="${corner}"/>${
    node.kind === 'layers'
      ? markup`<rect class="side" x="${round(x)}" y="${y}" width="6" height="${BOX_HEIGHT}" rx="3"/>`
      : ''
  }
<text class="name" x="${round(x + BOX_WIDTH / 2)}" y="${y + 18}">${shorten(name, NAME_LETTERS)}</text>
<text class="detail" x="${round(x + BOX_WIDTH / 2)}" y="${y + 35}">${shorten(detail, DETAIL_LETTERS)}</text></g>`;
}

/** From the bottom of the first node to the top of the second, straight down past the rows between them. */
function drawEdge(
  graph: PlanGraph,
  {rows}: Arrangement,
  {rowTops}: Lines,
  [from, to]: readonly [number, number],
  xs: readonly number[],
): Markup {
  const topOf = (row: number): number => rowTops[row] ?? 0;
  const firstRow = rows[from] ?? 0;
  let d = `M${round(xs[0] ?? 0)},${topOf(firstRow) + BOX_HEIGHT}`;
  xs.slice(1).forEach((x, at) => {
    const startY = topOf(firstRow + at) + BOX_HEIGHT;
    const endY = topOf(firstRow + at + 1);
    const middle = (startY + endY) / 2;
    d += ` C${round(xs[at] ?? 0)},${middle} ${round(x)},${middle} ${round(x)},${endY}`;
    if (at < xs.length - 2) d += ` V${endY + BOX_HEIGHT}`;
  });
  const crosses = [from, to].some(index => graph.nodes[index]?.kind === 'crossing');
  const [plain, crossing] = ARROWS;
  return markup`<path class="edge${crosses ? ' crosses' : ''}" d="${d}" marker-end="url(#${crosses ? crossing : plain})"/>`;
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
