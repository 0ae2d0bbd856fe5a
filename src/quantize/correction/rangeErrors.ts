import {floatsOf} from '../accuracy/floatsOf.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import type {QuantizationPlan, TensorRange} from '../quantizationPlan.ts';
import {united} from '../ranges/measureExtremes.ts';
import type {CorrectionTask} from './correctionTask.ts';
import {buildRangeProbe, type FollowedPart} from './rangeProbe.ts';

/** Tensors that share a scale, with the range that holds them all. */
export interface RangeGroup {
  readonly group: number;
  readonly tensors: readonly string[];
  readonly range: TensorRange;
}

/** Per candidate and sample: noise over mean signal, added up over the tensors that are compared. */
export type SampleErrors = readonly (readonly number[])[];

/** All whose ranges are measured, in the order of the plan. */
export function rangeGroups(
  {activations}: QuantizationPlan,
  ranges: ReadonlyMap<string, TensorRange>,
): RangeGroup[] {
  const groups = new Map<number, RangeGroup>();
  for (const [tensor, {group, fixed}] of activations) {
    const range = ranges.get(tensor);
    if (fixed !== undefined || range === undefined) continue;
    const others = groups.get(group);
    groups.set(group, {
      group,
      tensors: [...(others?.tensors ?? []), tensor],
      range: others === undefined ? range : united(others.range, range),
    });
  }
  return [...groups.values()];
}

/** The ranges with those of the groups in their place. */
export function withGroupRanges(
  {activations}: QuantizationPlan,
  ranges: ReadonlyMap<string, TensorRange>,
  chosen: ReadonlyMap<number, TensorRange>,
): Map<string, TensorRange> {
  return new Map(
    [...ranges].map(([tensor, range]) => [tensor, chosen.get(activations.get(tensor)?.group ?? -1) ?? range]),
  );
}

/** The range with one end, or both, nearer to 0 by each of the factors. */
export function candidateRanges(
  range: TensorRange,
  side: 'min' | 'max' | 'both',
  factors: readonly number[],
): TensorRange[] {
  return factors.map(factor => ({
    min: side === 'max' ? range.min : range.min * factor,
    max: side === 'min' ? range.max : range.max * factor,
  }));
}

/** What each candidate range of each tensor costs by itself, sample by sample, everything else in float. */
export async function measureRangeErrors(
  {graph, plan, scheme, runner}: CorrectionTask,
  candidates: ReadonlyMap<string, readonly TensorRange[]>,
  followed: FollowedPart,
  {from, to}: {readonly from: number; readonly to: number},
): Promise<Map<string, SampleErrors>> {
  const {model, probed} = buildRangeProbe(graph, plan, scheme, candidates, followed);
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

/** Of several tensors together. */
export function addErrors([first = [], ...others]: readonly SampleErrors[]): SampleErrors {
  return first.map((errors, candidate) =>
    errors.map((error, sample) =>
      others.reduce((sum, other) => sum + (other[candidate]?.[sample] ?? 0), error),
    ),
  );
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of the mean of the values. */
export function standardError(values: readonly number[]): number {
  const middle = mean(values);
  const variance = mean(values.map(value => (value - middle) ** 2));
  return Math.sqrt(variance / Math.max(1, values.length - 1));
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
