import {solveMaster} from './masterProgram.ts';
import type {MasterColumn} from './masterProgram.ts';
import {LARGEST_SUM, weightsFrom} from './relaxation.ts';
import type {Relaxation, RelaxationMultipliers} from './relaxation.ts';
import type {TierObjective} from './tierProblem.ts';
import type {TierTables} from './tierTables.ts';

/** A bound that can rise by less than this share is the highest there is. */
const CLOSE_ENOUGH = 1e-6;

/**
 * Finds the weights of stages and the prices of bytes with the highest bound. Each cut is a plane above the bounds of all
 * multipliers; the next ones are where the lowest of the planes is highest. With a single price these are two lines, which
 * meet where the next cut is looked for.
 * @see Kelley, "The cutting-plane method for solving convex programs", Journal of SIAM 8 (1960)
 * @see Ben-Ameur and Neto, "Acceleration of cutting-plane and column generation algorithms", Networks 49 (2007)
 */
export class CuttingPlanes {
  readonly #tables: TierTables;
  readonly #isLatency: boolean;
  readonly #limited: readonly number[];
  readonly #columns: MasterColumn[] = [];
  #bestNs = -Infinity;
  /** How far the next cut goes from the best multipliers to where the planes are highest. */
  #share = 1;
  #best: {readonly weights: readonly number[]; readonly prices: readonly number[]} | null = null;

  constructor(tables: TierTables, objective: TierObjective) {
    this.#tables = tables;
    this.#isLatency = objective === 'latency';
    const {memoryBytes} = tables.problem;
    this.#limited = [...memoryBytes.keys()].filter(tier => memoryBytes[tier] !== null);
  }

  /**
   * @param stageNs what the assignment found takes: its latency alone, or each tier and then each link
   * @param boundNs what the relaxation proved
   * @returns what to look for the next cut with, or `null` when the planes say nothing more
   */
  next(
    relaxation: Relaxation,
    tiers: readonly number[],
    stageNs: readonly number[],
    boundNs: number,
  ): RelaxationMultipliers | null {
    const {layers, memoryBytes, tierCount} = this.#tables.problem;
    const {memoryPrices, totalWeight, tierWeights, linkWeights} = relaxation;
    const bytes = new Array<number>(tierCount).fill(0);
    tiers.forEach((tier, layer) => {
      bytes[tier] = (bytes[tier] as number) + (layers[layer]?.weightBytes ?? 0);
    });
    const overBytes = this.#limited.map(tier => (bytes[tier] as number) - (memoryBytes[tier] ?? 0));
    const column = {stageNs, overBytes};
    const isNew = this.#columns.every(known => !isSame(known, column));
    if (isNew) this.#columns.push(column);
    const isHigher = boundNs > this.#bestNs;
    if (isHigher) {
      this.#bestNs = boundNs;
      this.#best = {
        weights: this.#isLatency ? [1] : [...tierWeights, ...linkWeights].map(weight => weight / totalWeight),
        prices: this.#limited.map(tier => (memoryPrices[tier] as number) / totalWeight),
      };
    }
    // Where the sums of the cut stay whole numbers.
    const totalBytes = layers.reduce((sum, {weightBytes}) => sum + weightBytes, 1);
    const highestPrice = LARGEST_SUM / (tierCount * totalBytes * totalWeight);
    const master = solveMaster(this.#columns, highestPrice);
    if (master.valueNs <= this.#bestNs * (1 + CLOSE_ENOUGH) + 1) return null;
    // Half of the way as long as that says anything, because the planes know little of what is far from where they were taken.
    const isLine = master.weights.length + master.prices.length === 2;
    if (!isNew && !isHigher && this.#share === 1) return null;
    this.#share = isLine || (!isNew && !isHigher) ? 1 : 0.5;
    const mix = (to: readonly number[], from: readonly number[]): number[] =>
      to.map((value, index) => (from[index] as number) + this.#share * (value - (from[index] as number)));
    const weights = mix(master.weights, this.#best?.weights ?? master.weights);
    const prices = mix(master.prices, this.#best?.prices ?? master.prices);
    const newPrices = new Array<number>(tierCount).fill(0);
    this.#limited.forEach((tier, index) => {
      newPrices[tier] = (prices[index] as number) * totalWeight;
    });
    const whole = this.#isLatency ? relaxation : weightsFrom(weights, tierCount, totalWeight);
    return {
      tierWeights: whole.tierWeights,
      linkWeights: whole.linkWeights,
      totalWeight,
      memoryPrices: newPrices,
    };
  }
}

function isSame(left: MasterColumn, right: MasterColumn): boolean {
  return (
    left.stageNs.every((ns, stage) => ns === right.stageNs[stage]) &&
    left.overBytes.every((bytes, limit) => bytes === right.overBytes[limit])
  );
}
