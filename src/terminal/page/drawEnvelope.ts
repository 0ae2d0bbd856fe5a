import type {Envelope, EnvelopeAxis} from '../../documents/plan.ts';
import {formatBitsPerSecond, formatMs} from '../formatNumbers.ts';
import {linearScale, logScale, type AxisScale} from './axisScale.ts';
import {markup, type Markup} from './markup.ts';

const WIDTH = 640;
const HEIGHT = 324;
const PLOT = {left: 84, right: 610, top: 44, bottom: 264};
/** Enough that a hyperbola between two of them looks round. */
const POINTS_PER_PIECE = 32;
/** From here on a linear axis would press the smaller latencies to the ground. */
const LOGARITHMIC_FROM_RATIO = 50;
/** So that the number of a piece stands below the mark of the current bandwidth. */
const HEADROOM = 1.1;
/** A number beside a narrower piece would lie over its neighbour's. */
const LEAST_NUMBERED_PX = 14;

interface DrawnPiece {
  readonly number: number;
  readonly points: readonly (readonly [bandwidth: number, latencyMs: number])[];
}

/** The least latency over the bandwidth of the link, piece by piece, with the bandwidth of the plan marked. */
export function drawEnvelope({placements}: Envelope, axis: EnvelopeAxis): Markup {
  const low = axis.pieces[0]?.from ?? 0;
  const end = axis.pieces.at(-1)?.to ?? null;
  const lastFrom = axis.pieces.at(-1)?.from ?? low;
  // An open end is shown as far as the pieces before it reach, and past the current value.
  const high = end ?? 100 * Math.max(lastFrom, axis.current, low);
  const pieces = axis.pieces.map(({from, to, placement}, at): DrawnPiece => {
    const known = placements[placement];
    const latencyAt = (bandwidth: number): number =>
      known === undefined
        ? 0
        : known.latencyMs - known.transferMs + (known.transferMs * axis.current) / bandwidth;
    const ratio = (to ?? high) / from;
    const points = Array.from({length: POINTS_PER_PIECE + 1}, (_, step): [number, number] => {
      const bandwidth = from * ratio ** (step / POINTS_PER_PIECE);
      return [bandwidth, latencyAt(bandwidth)];
    });
    return {number: at + 1, points};
  });
  const latencies = pieces.flatMap(({points}) => points.map(([, ms]) => ms));
  const [least, most] = [Math.min(...latencies), Math.max(...latencies)];
  const isLogarithmic = least > 0 && most / least > LOGARITHMIC_FROM_RATIO;
  const x = inBits(logScale([low * 8, high * 8], [PLOT.left, PLOT.right], 8));
  const y = isLogarithmic
    ? logScale([least, most], [PLOT.bottom, PLOT.top], 6)
    : linearScale(HEADROOM * most, [PLOT.bottom, PLOT.top], 5);
  const label = `Least latency over the bandwidth of the link: ${pieces.length} placements from ${formatBitsPerSecond(low)} to ${formatBitsPerSecond(high)}; the table below says the same.`;
  return markup`<svg class="chart" role="img" aria-label="${label}" viewBox="0 0 ${WIDTH} ${HEIGHT}">
${drawAxes(x, y, isLogarithmic)}
${pieces.map(piece => drawPiece(piece, x, y))}
${axis.current >= low && axis.current <= high ? drawCurrent(axis.current, x) : ''}
</svg>`;
}

/** Bandwidths are in bytes per second, their round numbers in bits. */
function inBits({toPixel, ticks}: AxisScale): AxisScale {
  return {toPixel: value => toPixel(value * 8), ticks: ticks.map(tick => tick / 8)};
}

function drawAxes(x: AxisScale, y: AxisScale, isLogarithmic: boolean): Markup[] {
  const {left, right, top, bottom} = PLOT;
  return [
    ...x.ticks.map(tick => {
      const at = fixed(x.toPixel(tick));
      return markup`<line class="grid" x1="${at}" y1="${top}" x2="${at}" y2="${bottom}"/><text class="tick" x="${at}" y="${bottom + 22}" text-anchor="middle">${tickName(tick)}</text>`;
    }),
    ...y.ticks.map(tick => {
      const at = y.toPixel(tick);
      return markup`<line class="grid" x1="${left}" y1="${fixed(at)}" x2="${right}" y2="${fixed(at)}"/><text class="tick" x="${left - 6}" y="${fixed(at + 4)}" text-anchor="end">${formatMs(tick)}</text>`;
    }),
    markup`<text class="axis" x="${(left + right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">bandwidth in bit/s, logarithmic</text>`,
    markup`<text class="axis" x="4" y="20">latency${isLogarithmic ? ', logarithmic' : ''}</text>`,
  ];
}

/** "10 M": the axis says of what. */
function tickName(bytesPerSecond: number): string {
  return formatBitsPerSecond(bytesPerSecond).replace('bit/s', '');
}

function drawPiece({number, points}: DrawnPiece, x: AxisScale, y: AxisScale): Markup {
  const pixels = points.map(([bandwidth, ms]) => [x.toPixel(bandwidth), y.toPixel(ms)] as const);
  const [startX = 0] = pixels[0] ?? [];
  const [endX = 0] = pixels.at(-1) ?? [];
  const [, middleY = 0] = pixels[Math.floor(pixels.length / 2)] ?? [];
  const line = pixels.map(([px, py]) => `${fixed(px)},${fixed(py)}`).join(' ');
  const name =
    endX - startX < LEAST_NUMBERED_PX
      ? ''
      : markup`<text class="piece-number" x="${fixed((startX + endX) / 2)}" y="${fixed(middleY - 8)}" text-anchor="middle">${number}</text>`;
  return markup`<polyline class="piece ${number % 2 === 0 ? 'even' : 'odd'}" points="${line}"/>
<line class="breakpoint" x1="${fixed(endX)}" y1="${PLOT.top}" x2="${fixed(endX)}" y2="${PLOT.bottom}"/>${name}`;
}

function drawCurrent(current: number, x: AxisScale): Markup {
  const at = x.toPixel(current);
  // Kept within the picture where the mark lies near its side.
  const anchor = at > (PLOT.left + PLOT.right) / 2 ? 'end' : 'start';
  return markup`<line class="current" x1="${fixed(at)}" y1="${PLOT.top - 10}" x2="${fixed(at)}" y2="${PLOT.bottom}"/>
<text class="current-name" x="${fixed(at)}" y="${PLOT.top - 16}" text-anchor="${anchor}">now ${formatBitsPerSecond(current)}</text>`;
}

function fixed(pixels: number): string {
  return pixels.toFixed(1);
}
