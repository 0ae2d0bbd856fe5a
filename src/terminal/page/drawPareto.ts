import type {ShownFront} from '../shownFront.ts';
import {linearScale, type AxisScale} from './axisScale.ts';
import {markup, type Markup} from './markup.ts';

const WIDTH = 640;
const HEIGHT = 324;
const PLOT = {left: 84, right: 610, top: 44, bottom: 264};
/** So that no number is cut off at the side. */
const HEADROOM = 1.05;
/** Numbers of points that are nearer to each other would lie over one another. */
const LEAST_APART_PX = 16;

/** Both goals as axes from nothing: each point with its number in the table, the convex hull as a line. */
export function drawPareto({titles, points}: ShownFront): Markup {
  const most = (at: 0 | 1): number => HEADROOM * Math.max(...points.map(({amounts}) => amounts[at]));
  const x = linearScale(most(0), [PLOT.left, PLOT.right], 6);
  const y = linearScale(most(1), [PLOT.bottom, PLOT.top], 5);
  const placed = points.map((point, at) => ({
    ...point,
    number: at + 1,
    x: x.toPixel(point.amounts[0]),
    y: y.toPixel(point.amounts[1]),
  }));
  const line = placed
    .filter(({isSupported}) => isSupported)
    .map(point => `${fixed(point.x)},${fixed(point.y)}`)
    .join(' ');
  let [lastX, lastY] = [-Infinity, -Infinity];
  const dots = placed.map(point => {
    const hasRoom = Math.hypot(point.x - lastX, point.y - lastY) >= LEAST_APART_PX || point.isChosen;
    if (hasRoom) [lastX, lastY] = [point.x, point.y];
    const kind = point.isChosen ? 'chosen' : point.isSupported ? 'supported' : 'inside';
    return markup`<circle class="point ${kind}" cx="${fixed(point.x)}" cy="${fixed(point.y)}" r="${point.isChosen ? 6 : 4}"/>${
      hasRoom
        ? markup`<text class="piece-number" x="${fixed(point.x + 8)}" y="${fixed(point.y - 8)}">${point.number}</text>`
        : ''
    }`;
  });
  const label = `${titles[1]} over ${titles[0]}: ${points.length} placements; the table below says the same.`;
  return markup`<svg class="chart" role="img" aria-label="${label}" viewBox="0 0 ${WIDTH} ${HEIGHT}">
${drawAxes(titles, x, y)}
<polyline class="hull" points="${line}"/>
${dots}
</svg>`;
}

function drawAxes(titles: ShownFront['titles'], x: AxisScale, y: AxisScale): Markup[] {
  const {left, right, top, bottom} = PLOT;
  return [
    ...x.ticks.map(tick => {
      const at = fixed(x.toPixel(tick));
      return markup`<line class="grid" x1="${at}" y1="${top}" x2="${at}" y2="${bottom}"/><text class="tick" x="${at}" y="${bottom + 22}" text-anchor="middle">${written(tick)}</text>`;
    }),
    ...y.ticks.map(tick => {
      const at = y.toPixel(tick);
      return markup`<line class="grid" x1="${left}" y1="${fixed(at)}" x2="${right}" y2="${fixed(at)}"/><text class="tick" x="${left - 6}" y="${fixed(at + 4)}" text-anchor="end">${written(tick)}</text>`;
    }),
    markup`<text class="axis" x="${(left + right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${titles[0]}</text>`,
    markup`<text class="axis" x="4" y="20">${titles[1]}</text>`,
  ];
}

function written(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function fixed(pixels: number): string {
  return pixels.toFixed(1);
}
