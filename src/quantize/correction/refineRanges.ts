import type {OnnxModel} from '../../model/onnx/messages.ts';
import {floatsOf} from '../accuracy/floatsOf.ts';
import type {TensorRange} from '../quantizationPlan.ts';
import {united} from '../ranges/measureExtremes.ts';
import type {CorrectionTask} from './correctionTask.ts';
import {buildRangeProbe} from './rangeProbe.ts';

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
  const {plan, scheme, ranges} = task;
  const groups = new Map<number, {tensors: string[]; range: TensorRange}>();
  for (const [tensor, {group, fixed}] of plan.activations) {
    const range = ranges.get(tensor);
    if (fixed !== undefined || range === undefined) continue;
    const others = groups.get(group);
    if (others === undefined) groups.set(group, {tensors: [tensor], range});
    else groups.set(group, {tensors: [...others.tensors, tensor], range: united(others.range, range)});
  }
  let chosen = new Map([...groups].map(([group, {range}]) => [group, range]));
  const sides = scheme.activations.isSymmetric ? (['both'] as const) : (['min', 'max'] as const);
  for (const side of sides) {
    const candidates = new Map(
      [...chosen].map(([group, range]) => [
        group,
        side === 'min' && range.min >= 0 ? [] : candidatesOf(range, side),
      ]),
    );
    const errors = await measureErrors(
      task,
      new Map(
        [...candidates].flatMap(([group, list]) =>
          (groups.get(group)?.tensors ?? []).map(name => [name, list]),
        ),
      ),
      depth,
    );
    chosen = new Map(
      [...chosen].map(([group, range]) => {
        const best = leastRisk((groups.get(group)?.tensors ?? []).map(name => errors.get(name) ?? []));
        return [group, candidates.get(group)?.[best] ?? range];
      }),
    );
  }
  return new Map(
    [...ranges].map(([tensor, range]) => [
      tensor,
      chosen.get(plan.activations.get(tensor)?.group ?? -1) ?? range,
    ]),
  );
}

function candidatesOf(range: TensorRange, side: 'min' | 'max' | 'both'): TensorRange[] {
  return FACTORS.map(factor => ({
    min: side === 'max' ? range.min : range.min * factor,
    max: side === 'min' ? range.max : range.max * factor,
  }));
}

/** Per tensor, candidate and sample: noise over mean signal, added up over the layers that read the tensor. */
type SampleErrors = readonly (readonly number[])[];

async function measureErrors(
  task: CorrectionTask,
  candidates: ReadonlyMap<string, readonly TensorRange[]>,
  depth: number,
): Promise<Map<string, SampleErrors>> {
  const {runner, from} = task;
  const to = Math.min(task.to, from + MOST_SAMPLES);
  const {model, probed} = buildRangeProbe(task.graph, task.plan, task.scheme, candidates, depth);
  const energies = await sampleEnergies(model, {runner, from, to});
  const errors = new Map<string, number[][]>();
  for (const {tensor, candidate, results} of probed) {
    const sums = new Array<number>(to - from).fill(0);
    for (const {noise, signal} of results) {
      const whole = (energies.get(signal) ?? []).reduce((sum, energy) => sum + energy, 0) / sums.length;
      energies.get(noise)?.forEach((energy, at) => {
        sums[at] = (sums[at] ?? 0) + (whole === 0 ? 0 : energy / whole);
      });
    }
    const list = errors.get(tensor) ?? [];
    list[candidate] = sums;
    errors.set(tensor, list);
  }
  return errors;
}

async function sampleEnergies(
  model: OnnxModel,
  {runner, from, to}: Pick<CorrectionTask, 'runner' | 'from' | 'to'>,
): Promise<Map<string, number[]>> {
  const names = model.graph.outputs.map(({name}) => name);
  const energies = new Map<string, number[]>(names.map(name => [name, []]));
  if (names.length === 0) return energies;
  await runner.run({
    model,
    tensors: names,
    mode: 'exact',
    from,
    to,
    visit(values) {
      for (const [name, list] of energies) {
        const value = values[name];
        list.push(value === undefined ? 0 : (floatsOf(value)[0] ?? 0));
      }
    },
  });
  return energies;
}

/**
 * Index of the candidate with the least upper bound of the error, if that is well below the widest one's error: what is
 * cut off is rare in the samples and decides on others.
 */
function leastRisk(tensors: readonly SampleErrors[]): number {
  const candidates = addUp(tensors);
  const risks = candidates.map(errors => mean(errors) + STANDARD_ERRORS * standardError(errors));
  const best = risks.indexOf(Math.min(...risks));
  return (risks[best] ?? Infinity) < WORTHWHILE * mean(candidates[0] ?? []) ? best : 0;
}

function addUp([first = [], ...others]: readonly SampleErrors[]): SampleErrors {
  return first.map((errors, candidate) =>
    errors.map((error, sample) =>
      others.reduce((sum, other) => sum + (other[candidate]?.[sample] ?? 0), error),
    ),
  );
}

function standardError(values: readonly number[]): number {
  const middle = mean(values);
  const variance = mean(values.map(value => (value - middle) ** 2));
  return Math.sqrt(variance / Math.max(1, values.length - 1));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
