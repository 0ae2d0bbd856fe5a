import type {PreparedCuts} from '../../../documents/release.ts';

/** What one call through a cut took, as its request tells. */
export interface SeenCall {
  /** Everything but computing in the cloud; with it where the cloud does not say how long it computed. */
  readonly linkMs: number;
  readonly hasCloudTime: boolean;
  /** The call was given up after this time: the link is this slow or slower. */
  readonly isGivenUp: boolean;
}

/** What is known of the link, and when a probe may be sent again. */
export interface CutMoves {
  /** Index into the table of what serves. */
  readonly serving: number;
  /** Bandwidths that the last calls through it tell, in bytes per second, oldest first. */
  readonly seen: readonly number[];
  readonly probeAtMs: number;
  readonly probeEveryMs: number;
  readonly movedAtMs: number;
}

export type CutStep =
  | {readonly kind: 'stay'}
  | {readonly kind: 'move'; readonly to: number}
  /** Ask the tail of that cut once, beside the requests, and tell with `noteProbe` what came of it. */
  | {readonly kind: 'probe'; readonly cut: number};

/** Enough that one slow call does not move anything. */
const LEAST_SEEN = 3;
const MOST_SEEN = 5;
/** How far beyond the edge of what a cut is best at the bandwidth must be, so that it does not go to and fro there. */
const MARGIN = 0.15;
const FIRST_PROBE_MS = 2000;
const LAST_PROBE_MS = 60_000;
/** A cut that served for so many times between two probes has held. */
const HELD = 5;
/** What a call says at most: beyond, the bytes take less than anything else in it varies. */
const MOST_TIMES_PRESENT = 100;

export function startCutMoves(serving: number, nowMs: number): CutMoves {
  return {
    serving,
    seen: [],
    probeAtMs: nowMs + FIRST_PROBE_MS,
    probeEveryMs: FIRST_PROBE_MS,
    movedAtMs: nowMs,
  };
}

/** Once the other cut serves. One that was reached only a moment ago is left for a longer while than one that held. */
export function noteMove(moves: CutMoves, serving: number, nowMs: number): CutMoves {
  const hasHeld = nowMs - moves.movedAtMs > HELD * moves.probeEveryMs;
  const probeEveryMs = hasHeld ? FIRST_PROBE_MS : Math.min(LAST_PROBE_MS, moves.probeEveryMs * 2);
  return {serving, seen: [], probeAtMs: nowMs + probeEveryMs, probeEveryMs, movedAtMs: nowMs};
}

/**
 * After a request through the serving cut; `null` where it made no call. Towards less bandwidth the calls of the serving cut
 * are proof enough: they carry more bytes than the next one's. Towards more they are not, so the next cut is probed first.
 */
export function noteRequest(
  cuts: PreparedCuts,
  moves: CutMoves,
  call: SeenCall | null,
  nowMs: number,
): {readonly moves: CutMoves; readonly step: CutStep} {
  const told = call === null ? null : bandwidthOf(cuts, moves.serving, call);
  // A call that was given up is as good as several: there will not be many more of its kind.
  const added = told === null ? [] : call?.isGivenUp === true ? [told, told] : [told];
  const next = {...moves, seen: [...moves.seen, ...added].slice(-MOST_SEEN)};
  const bandwidth = bandwidthSeen(next);
  const wanted = bandwidth === null ? moves.serving : wantedAt(cuts, moves.serving, bandwidth);
  if (wanted < moves.serving && next.seen.length >= LEAST_SEEN)
    return {moves: next, step: {kind: 'move', to: wanted}};
  const isSilent = (cuts.table[moves.serving]?.transferMs ?? 0) === 0;
  const above = isSilent ? moves.serving + 1 : wanted;
  if (above <= moves.serving || above >= cuts.table.length || nowMs < moves.probeAtMs)
    return {moves: next, step: {kind: 'stay'}};
  return {moves: {...next, probeAtMs: Infinity}, step: {kind: 'probe', cut: above}};
}

/** After a probe; `null` where there was no answer. One that moves nothing is repeated ever more rarely. */
export function noteProbe(
  cuts: PreparedCuts,
  moves: CutMoves,
  {cut, call}: {readonly cut: number; readonly call: SeenCall | null},
  nowMs: number,
): {readonly moves: CutMoves; readonly step: CutStep} {
  const bandwidth = call === null ? null : bandwidthOf(cuts, cut, call);
  const wanted = bandwidth === null ? moves.serving : wantedAt(cuts, moves.serving, bandwidth);
  if (wanted > moves.serving)
    return {moves: {...moves, probeAtMs: nowMs + moves.probeEveryMs}, step: {kind: 'move', to: wanted}};
  const probeEveryMs = Math.min(LAST_PROBE_MS, moves.probeEveryMs * 2);
  return {moves: {...moves, probeEveryMs, probeAtMs: nowMs + probeEveryMs}, step: {kind: 'stay'}};
}

/** The middle of what the last calls tell; `null` before there are any. */
export function bandwidthSeen({seen}: CutMoves): number | null {
  const sorted = seen.toSorted((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

/** `null`: the cut sends nothing. */
function bandwidthOf(
  {table, bytesPerSecond}: PreparedCuts,
  at: number,
  {linkMs, hasCloudTime}: SeenCall,
): number | null {
  const cut = table[at];
  if (cut === undefined || cut.transferMs === 0) return null;
  const besidesMs = cut.fixedLinkMs + (hasCloudTime ? 0 : cut.cloudMs);
  const leastMs = cut.transferMs / MOST_TIMES_PRESENT;
  return (bytesPerSecond * cut.transferMs) / Math.max(linkMs - besidesMs, leastMs);
}

/** The table's cut at that bandwidth, or the serving one while it is not clearly beyond what that one is best at. */
function wantedAt({table}: PreparedCuts, serving: number, bandwidth: number): number {
  const {fromBytesPerSecond = 0, toBytesPerSecond = null} = table[serving] ?? {};
  const isBelow = bandwidth < fromBytesPerSecond * (1 - MARGIN);
  const isAbove = toBytesPerSecond !== null && bandwidth > toBytesPerSecond * (1 + MARGIN);
  if (!isBelow && !isAbove) return serving;
  const found = table.findIndex(cut => cut.toBytesPerSecond === null || bandwidth <= cut.toBytesPerSecond);
  return found < 0 ? table.length - 1 : found;
}
