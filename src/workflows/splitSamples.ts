import {seededNumbers} from '../documents/seededNumbers.ts';

/** How many samples are wanted for what. */
export interface SampleSplit {
  /** Ascending, so that reading in order reads files in order. */
  readonly calibration: readonly number[];
  readonly heldOut: readonly number[];
}

export interface SplitRequest {
  readonly calibration: number;
  readonly heldOut: number;
  readonly seed: number;
  /** One per sample: both parts then have the classes in the proportions of the whole, as near as whole samples go. */
  readonly labels?: readonly number[] | null;
  /**
   * Each part is a stretch of neighbours, in each class. Samples next to each other are often alike, frames of a video or
   * crops of a picture: spread at random, the one part would tell nothing that the other does not.
   */
  readonly isInStretches?: boolean;
}

/**
 * Chooses disjoint samples out of `count`, at random or in stretches, the same for the same seed. Where there are too
 * few for both parts, each is made smaller in proportion, and neither is empty while there are two samples and both are
 * wanted.
 */
export function splitSamples(
  count: number,
  {calibration, heldOut, seed, labels, isInStretches = false}: SplitRequest,
): SampleSplit {
  const calibrationCount = countForCalibration(count, calibration, heldOut);
  const heldOutCount = Math.min(heldOut, count - calibrationCount);
  const random = seededNumbers(seed);
  const inOrder = poolsByLabel(count, labels ?? null);
  const pools = isInStretches ? inOrder : inOrder.map(pool => shuffle(pool, random));
  const chosen = takeInProportion(pools, calibrationCount, random);
  const held = takeInProportion(pools, heldOutCount, random);
  return {calibration: ascending(chosen), heldOut: ascending(held)};
}

function countForCalibration(count: number, calibration: number, heldOut: number): number {
  if (calibration + heldOut <= count) return calibration;
  const share = Math.round((count * calibration) / (calibration + heldOut));
  const areBothWanted = calibration > 0 && heldOut > 0 && count > 1;
  return areBothWanted ? Math.min(Math.max(share, 1), count - 1) : share;
}

function poolsByLabel(count: number, labels: readonly number[] | null): number[][] {
  const pools = new Map<number | undefined, number[]>();
  for (let sample = 0; sample < count; sample += 1) {
    const label = labels?.[sample];
    const pool = pools.get(label);
    if (pool === undefined) pools.set(label, [sample]);
    else pool.push(sample);
  }
  return [...pools].sort(([one = 0], [other = 0]) => one - other).map(([, pool]) => pool);
}

/**
 * Takes `wanted` samples off the pools' ends, from each its share: whole samples first, the rest to the largest
 * remainders (Hamilton's method), equal ones in random order.
 */
function takeInProportion(pools: number[][], wanted: number, random: () => number): number[] {
  const total = pools.reduce((sum, pool) => sum + pool.length, 0);
  const shares = pools.map(pool => {
    const exact = total === 0 ? 0 : (wanted * pool.length) / total;
    return {pool, take: Math.floor(exact), rest: exact - Math.floor(exact), tie: random()};
  });
  let missing = wanted - shares.reduce((sum, {take}) => sum + take, 0);
  for (const share of [...shares].sort((one, other) => other.rest - one.rest || one.tie - other.tie)) {
    if (missing === 0) break;
    share.take += 1;
    missing -= 1;
  }
  return shares.flatMap(({pool, take}) => (take === 0 ? [] : pool.splice(-take)));
}

/** Fisher and Yates' shuffle, of the array itself. */
function shuffle(values: number[], random: () => number): number[] {
  for (let at = values.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [values[at], values[other]] = [values[other] as number, values[at] as number];
  }
  return values;
}

function ascending(values: number[]): number[] {
  return values.sort((one, other) => one - other);
}
