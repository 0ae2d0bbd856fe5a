import {MovableTiers, isBetter} from './movableTiers.ts';
import type {TierObjective} from './tierProblem.ts';
import type {TierTables} from './tierTables.ts';

/**
 * The best assignment on the way from one to another, moving layers one by one in an order that keeps data flowing up:
 * layers that rise go last ones first, layers that come down first ones first.
 * @see Glover, Laguna and Martí, "Fundamentals of scatter search and path relinking" (2000)
 */
export function bestBetween(
  tables: TierTables,
  objective: TierObjective,
  from: readonly number[],
  to: readonly number[],
): number[] {
  const state = new MovableTiers(tables, objective, from);
  const rank = (layer: number): number => tables.ranks[layer] as number;
  const rising: number[] = [];
  const sinking: number[] = [];
  to.forEach((tier, layer) => {
    if (tier > (from[layer] as number)) rising.push(layer);
    else if (tier < (from[layer] as number)) sinking.push(layer);
  });
  rising.sort((a, b) => rank(b) - rank(a));
  sinking.sort((a, b) => rank(a) - rank(b));
  let best = state.quality;
  let bestMoves = 0;
  const moves = [...rising, ...sinking];
  moves.forEach((layer, index) => {
    state.move(layer, to[layer] as number);
    const {quality} = state;
    if (!isBetter(quality, best)) return;
    best = quality;
    bestMoves = index + 1;
  });
  const tiers = [...from];
  for (const layer of moves.slice(0, bestMoves)) tiers[layer] = to[layer] as number;
  return tiers;
}

/**
 * Moves single layers as long as that makes the assignment better, in passes from the first to the last.
 * @param mostMoves how many moves are tried at most
 */
export function descendFrom(
  tables: TierTables,
  objective: TierObjective,
  tiers: readonly number[],
  mostMoves: number,
): readonly number[] {
  const state = new MovableTiers(tables, objective, tiers);
  const {tierCount} = tables.problem;
  let {quality} = state;
  let moves = 0;
  for (let isChanged = true; isChanged;) {
    isChanged = false;
    for (const layer of tiers.keys()) {
      for (let tier = 0; tier < tierCount; tier++) {
        const here = state.tiers[layer] as number;
        if (tier === here || ((tables.tierMasks[layer] as number) & (1 << tier)) === 0) continue;
        if (++moves > mostMoves) return state.tiers;
        state.move(layer, tier);
        const moved = state.quality;
        if (isBetter(moved, quality)) {
          quality = moved;
          isChanged = true;
        } else state.move(layer, here);
      }
    }
  }
  return state.tiers;
}

/**
 * Moves single layers to lower tiers as long as the latency stays what it is.
 * @param ns the latency of `tiers`
 */
export function lowerFrom(tables: TierTables, tiers: readonly number[], ns: number): readonly number[] {
  const state = new MovableTiers(tables, 'latency', tiers);
  for (let isChanged = true; isChanged;) {
    isChanged = false;
    for (const layer of tiers.keys()) {
      const here = state.tiers[layer] as number;
      for (let tier = 0; tier < here; tier++) {
        if (((tables.tierMasks[layer] as number) & (1 << tier)) === 0) continue;
        state.move(layer, tier);
        const {quality} = state;
        if (quality.unroutable === 0 && quality.missingBytes === 0 && quality.ns <= ns) {
          isChanged = true;
          break;
        }
        state.move(layer, here);
      }
    }
  }
  return state.tiers;
}
