import type {Envelope, EnvelopeAxis, Plan} from '../../documents/plan.ts';
import type {Link} from '../../documents/profile.ts';
import {costOfPlacement} from '../costOfPlacement.ts';
import type {ProblemTier} from '../costOfPlacement.ts';
import type {PlacementProblem, ProblemLink} from '../problem.ts';
import {bandwidthAxis, roundTripAxis, tierSpeedAxis} from './axes.ts';
import type {Axis} from './axes.ts';
import {costAt} from './lowerEnvelope.ts';
import type {EnvelopePiece} from './lowerEnvelope.ts';
import {completePlacements, type CombinedRanges} from './completePlacements.ts';
import {nearestChanges} from './nearestChanges.ts';
import {findPlacementEnvelope, findPresentEnvelope, isBestAtZero, lineOf} from './placementEnvelope.ts';
import type {PlacementLine} from './placementEnvelope.ts';

const NS_PER_MS = 1e6;
/** For what is the best when several quantities change: with more layers fewer solves, so that plans take no longer. */
const MOST_LAYERS_SOLVED = 20_000;

type Pieces = readonly EnvelopePiece<PlacementLine>[];

export interface EnvelopeRequest {
  readonly problem: PlacementProblem;
  readonly problemLink: ProblemLink;
  /** The best placement under what was measured. */
  readonly chosen: readonly ProblemTier[];
  readonly link: Link;
  /** What a request costs besides layers and link, wherever they run. */
  readonly overheadMs: number;
  readonly nameOf: (tiers: readonly ProblemTier[]) => string;
}

export interface NamedChange {
  readonly change: NonNullable<Plan['changes']>[number];
  readonly tiers: readonly ProblemTier[];
}

/**
 * Which placement is the best at every bandwidth, round trip and speed of the cloud, and the nearest values of these and
 * of the device's speed at which the answer changes. Of the device's speed only those: there the best placements are
 * often more than a hundred.
 * @throws ExpectedError `nothing-feasible` (exit 13)
 */
export function planEnvelope(request: EnvelopeRequest): {envelope: Envelope; changes: NamedChange[]} {
  const {problem, problemLink, chosen, link, overheadMs, nameOf} = request;
  const namedChanges = (axis: Axis, pieces: Pieces): NamedChange[] =>
    nearestChanges(pieces, axis.range.quantity, chosen).map(({value, direction, tiers}) => {
      const {what, unit, current} = axis;
      const isAbove = (direction === 'grows') === (what === 'round-trip');
      const becomes = nameOf(tiers);
      return {
        change: {
          what,
          direction: isAbove ? 'above' : 'below',
          threshold: axis.valueAt(value),
          unit,
          current,
          becomes,
        },
        tiers,
      };
    });

  // Ordered by index; the chosen one first.
  const placements = new Map<string, {readonly index: number; readonly line: PlacementLine}>();
  const indexOf = (line: PlacementLine): number => {
    const key = line.tiers.join();
    const known = placements.get(key) ?? {index: placements.size, line};
    placements.set(key, known);
    return known.index;
  };
  indexOf(lineOf(problem, 'link-time', chosen));

  const axes: EnvelopeAxis[] = [];
  const changes: NamedChange[] = [];
  for (const axis of [
    bandwidthAxis(link),
    roundTripAxis(link, problemLink),
    tierSpeedAxis('device'),
    tierSpeedAxis('cloud'),
  ]) {
    const {what, unit, current} = axis;
    if (what === 'device-speed') {
      changes.push(
        ...namedChanges(axis, findPresentEnvelope(problem, problemLink, chosen, axis.range).pieces),
      );
      continue;
    }
    const {pieces} = findPlacementEnvelope(problem, problemLink, chosen, axis.range);
    changes.push(...namedChanges(axis, pieces));
    const rows = axisPieces(axis, pieces, holdsForever(problem, problemLink, axis, pieces), overheadMs);
    axes.push({
      what,
      unit,
      current,
      pieces: rows.map(({line, ...row}) => ({...row, placement: indexOf(line)})),
    });
  }
  const combined = completePlacements(
    problem,
    problemLink,
    [...placements.values()].map(({line}) => line.tiers),
    rangesOf(link, problemLink),
    Math.floor(MOST_LAYERS_SOLVED / Math.max(1, problem.layers.length)),
  );
  for (const tiers of combined.isComplete ? combined.placements : [])
    indexOf(lineOf(problem, 'link-time', tiers));
  const envelope = {
    placements: [...placements.values()].map(({line}) =>
      knownPlacement(problem, line, nameOf(line.tiers), overheadMs),
    ),
    isComplete: combined.isComplete,
    axes,
  };
  return {envelope, changes};
}

function rangesOf(link: Link, problemLink: ProblemLink): CombinedRanges {
  const {from, to} = bandwidthAxis(link).range;
  const cloud = tierSpeedAxis('cloud').range;
  return {
    linkTime: [from, to],
    cloudTime: [cloud.from, cloud.to],
    shortestRoundTripNs: roundTripAxis(link, problemLink).range.from,
  };
}

/** Whether the best placement at the largest value of an axis is the best at every larger one. */
function holdsForever(problem: PlacementProblem, link: ProblemLink, axis: Axis, pieces: Pieces): boolean {
  const {quantity} = axis.range;
  // Nothing is cheaper over long round trips than what makes none.
  if (quantity === 'round-trip') return pieces.at(-1)?.line.slope === 0;
  const fastest = pieces[0];
  return fastest !== undefined && isBestAtZero(problem, link, quantity, fastest.line);
}

type PieceRow = Omit<EnvelopeAxis['pieces'][number], 'placement'> & {readonly line: PlacementLine};

/** The pieces in ascending order of the axis's own values. */
function axisPieces(axis: Axis, pieces: Pieces, isOpenEnded: boolean, overheadMs: number): PieceRow[] {
  const latencyMs = (line: PlacementLine, x: number): number => costAt(line, x) / NS_PER_MS + overheadMs;
  const isSpeed = axis.range.quantity !== 'round-trip';
  const rows = pieces.map(({from, to, line}): PieceRow => {
    const [low, high] = isSpeed ? [to, from] : [from, to];
    return {
      from: axis.valueAt(low),
      to: axis.valueAt(high),
      line,
      latencyMsFrom: latencyMs(line, low),
      latencyMsTo: latencyMs(line, high),
    };
  });
  if (isSpeed) rows.reverse();
  const last = rows.at(-1);
  if (!isOpenEnded || last === undefined) return rows;
  // A line without slope costs the same at any round trip; an infinite speed takes no time.
  return [...rows.slice(0, -1), {...last, to: null, latencyMsTo: latencyMs(last.line, 0)}];
}

function knownPlacement(
  problem: PlacementProblem,
  {tiers, parts}: PlacementLine,
  name: string,
  overheadMs: number,
): Envelope['placements'][number] {
  const {costNs, linkNs, upBytes, downBytes} = costOfPlacement(problem, tiers);
  return {
    name,
    deviceLayers: deviceRuns(problem, tiers),
    upBytes,
    downBytes,
    latencyMs: costNs / NS_PER_MS + overheadMs,
    transferMs: parts.transferNs / NS_PER_MS,
    cloudMs: parts.cloudNs / NS_PER_MS,
    linkMs: linkNs / NS_PER_MS,
  };
}

function deviceRuns(
  problem: PlacementProblem,
  tiers: readonly ProblemTier[],
): Envelope['placements'][number]['deviceLayers'] {
  const runs: {first: string; last: string}[] = [];
  problem.layers.forEach(({name}, index) => {
    if (tiers[index] !== 'device') return;
    const run = runs.at(-1);
    if (run !== undefined && tiers[index - 1] === 'device') run.last = name;
    else runs.push({first: name, last: name});
  });
  return runs;
}
