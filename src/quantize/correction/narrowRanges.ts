import {layerCosts} from '../../model/layerCosts.ts';
import type {TensorRange} from '../quantizationPlan.ts';
import type {CorrectionTask} from './correctionTask.ts';
import {
  addErrors,
  candidateRanges,
  mean,
  measureRangeErrors,
  rangeGroups,
  standardError,
  withGroupRanges,
  type RangeGroup,
} from './rangeErrors.ts';

export interface NarrowingTask extends CorrectionTask {
  /** Samples `to` up to but without this one are held out: what was learned of a range has to hold on them too. */
  readonly heldOutTo: number;
  /** The tensors that the noise is measured at. */
  readonly ends: readonly string[];
}

/** Of the noise of all ranges; what is below it is not worth the time. */
const NOISY_SHARE = 0.02;
/** What is tried of the upper and the lower end of a range; behind a Relu the lower one often does not matter. */
const FACTORS = {
  max: [1, 0.9, 0.8, 0.7, 0.6],
  min: [1, 0.8, 0.6, 0.4],
  both: [1, 0.9, 0.8, 0.7, 0.6],
} as const;
/** Ranges whose noise is looked at in one model: each takes a copy of all layers behind it. */
const AT_A_TIME = 8;
const MOST_LEARNED = 48;
const LEAST_LEARNED = 8;
/** Of large models fewer samples are looked at: multiply-adds of all of them, one pass. */
const MOST_MULTIPLY_ADDS = 1e10;
/** A narrower range has to take away as much of its noise at least. */
const LEAST_GAIN = 0.05;
const STANDARD_ERRORS = 2;

/**
 * The ranges with those narrowed whose noise matters most at the model's ends, as far as less of it arrives there. Each is
 * looked at by itself, with everything else in float: where all layers round at once, no single range can be told from
 * chance. It has to be better with 97.5 % on the samples that are learned from, and on those held out too.
 */
export async function narrowRanges(
  task: NarrowingTask,
  onRange: (done: number, all: number) => void = () => {},
): Promise<Map<string, TensorRange>> {
  const {graph, plan, scheme, ranges, ends} = task;
  const sides = scheme.activations.isSymmetric ? (['both'] as const) : (['min', 'max'] as const);
  const samples = samplesOf(task, layerCosts(graph).totals.multiplyAdds);
  const chosen = new Map<number, TensorRange>();
  const noisy = await noisyGroups(task, samples);
  for (const [done, {group, tensors, range}] of noisy.entries()) {
    onRange(done, noisy.length);
    let best = range;
    for (const side of sides) {
      if (side === 'min' && best.min >= 0) continue;
      const candidates = candidateRanges(best, side, FACTORS[side]);
      const ofTensors = new Map(tensors.map(name => [name, candidates]));
      const errors = await measureRangeErrors(task, ofTensors, {ends}, samples);
      const all = addErrors(tensors.map(name => errors.get(name) ?? []));
      best = candidates[surelyBest(all, task.to - samples.from)] ?? best;
    }
    if (best !== range) chosen.set(group, best);
  }
  return withGroupRanges(plan, ranges, chosen);
}

/** The last ones that are learned from, and half as many held out. */
function samplesOf({from, to, heldOutTo}: NarrowingTask, multiplyAdds: number): {from: number; to: number} {
  const affordable = Math.floor(MOST_MULTIPLY_ADDS / Math.max(1, multiplyAdds));
  const learned = Math.min(to - from, MOST_LEARNED, Math.max(LEAST_LEARNED, affordable));
  return {from: to - learned, to: Math.min(heldOutTo, to + Math.ceil(learned / 2))};
}

/** Those with most of the noise at the ends, noisiest first. */
async function noisyGroups(task: NarrowingTask, samples: {from: number; to: number}): Promise<RangeGroup[]> {
  const groups = rangeGroups(task.plan, task.ranges);
  const all = groups.flatMap(({group, tensors, range}) => tensors.map(name => ({group, name, range})));
  const noise = new Map<number, number>();
  for (let at = 0; at < all.length; at += AT_A_TIME) {
    const some = all.slice(at, at + AT_A_TIME);
    const ofTensors = new Map(some.map(({name, range}) => [name, [range]]));
    const errors = await measureRangeErrors(task, ofTensors, {ends: task.ends}, samples);
    for (const {group, name} of some)
      noise.set(group, (noise.get(group) ?? 0) + mean(errors.get(name)?.[0] ?? [0]));
  }
  const noiseOf = ({group}: RangeGroup): number => noise.get(group) ?? 0;
  const whole = groups.reduce((sum, group) => sum + noiseOf(group), 0);
  return groups
    .filter(group => noiseOf(group) > NOISY_SHARE * whole)
    .sort((one, other) => noiseOf(other) - noiseOf(one));
}

/** Index of the candidate that is surely better than the first, the more so the better; 0 where none is. */
function surelyBest(candidates: readonly (readonly number[])[], learned: number): number {
  const [first = []] = candidates;
  const bounds = candidates.map(errors => {
    const changes = errors.map((error, sample) => error - (first[sample] ?? 0));
    const [own, heldOut] = [changes.slice(0, learned), changes.slice(learned)];
    const isConfirmed = heldOut.length === 0 || mean(heldOut) < 0;
    return isConfirmed ? mean(own) + STANDARD_ERRORS * standardError(own) : 0;
  });
  const best = bounds.indexOf(Math.min(...bounds));
  return (bounds[best] ?? 0) < -LEAST_GAIN * mean(first.slice(0, learned)) ? best : 0;
}
