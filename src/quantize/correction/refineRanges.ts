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
  type SampleErrors,
} from './rangeErrors.ts';

/** What is tried of each end of a measured range, widest first. */
const FACTORS = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3];

/** Rounding errors are plentiful in every sample; more samples than this only sharpen what is rare. */
const MOST_SAMPLES = 64;
/** A narrower range has to take away a fifth of the error at least: what it cuts off may be frequent elsewhere. */
const WORTHWHILE = 0.8;
/** Two standard errors above the mean: a range is better only where the samples say so with 97.5 %. */
const STANDARD_ERRORS = 2;

/**
 * Ranges that cost the layers after a tensor least, rounding and clipping together: first its lower end is moved towards
 * 0, then its upper one (both at once where the zero point is in the middle). A range is only made narrower where that
 * clearly pays over the samples, because the next one may need what is cut off. Tensors that share a scale go together.
 * @param depth how many weighted layers behind a tensor the cost is looked at
 */
export async function refineRanges(task: CorrectionTask, depth: number): Promise<Map<string, TensorRange>> {
  const {plan, scheme, ranges, from} = task;
  const to = Math.min(task.to, from + MOST_SAMPLES);
  const groups = rangeGroups(plan, ranges);
  let chosen = new Map(groups.map(({group, range}) => [group, range]));
  const sides = scheme.activations.isSymmetric ? (['both'] as const) : (['min', 'max'] as const);
  for (const side of sides) {
    const candidates = new Map(
      [...chosen].map(([group, range]) => [
        group,
        side === 'min' && range.min >= 0 ? [] : candidateRanges(range, side, FACTORS),
      ]),
    );
    const ofTensors = groups.flatMap(({group, tensors}) =>
      tensors.map(name => [name, candidates.get(group) ?? []] as const),
    );
    const errors = await measureRangeErrors(task, new Map(ofTensors), {depth}, {from, to});
    chosen = new Map(
      groups.map(({group, tensors, range}) => {
        const best = leastRisk(tensors.map(name => errors.get(name) ?? []));
        return [group, candidates.get(group)?.[best] ?? chosen.get(group) ?? range];
      }),
    );
  }
  return withGroupRanges(plan, ranges, chosen);
}

/**
 * Index of the candidate with the least upper bound of the error, if that is well below the widest one's error: what is
 * cut off is rare in the samples and decides on others.
 */
function leastRisk(tensors: readonly SampleErrors[]): number {
  const candidates = addErrors(tensors);
  const risks = candidates.map(errors => mean(errors) + STANDARD_ERRORS * standardError(errors));
  const best = risks.indexOf(Math.min(...risks));
  return (risks[best] ?? Infinity) < WORTHWHILE * mean(candidates[0] ?? []) ? best : 0;
}
