import type {NamedTensors, Tensor} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {Graph} from '../../model/graph.ts';
import {layerCosts} from '../../model/layerCosts.ts';
import {floatsOf} from '../accuracy/floatsOf.ts';
import type {TensorRange} from '../quantizationPlan.ts';
import type {SampleRunner} from '../sampleRunner.ts';
import {extremesModel} from './extremesModel.ts';
import {finiteTensors, LARGEST_SAFE} from './finiteTensors.ts';
import {samplesAtOnce, withOpenBatch} from './openBatch.ts';
import {sameValues} from './sameValues.ts';

/** Which samples are looked at: `from` (default 0) up to but without `to` (default all). */
export interface SampleSpan {
  readonly from?: number;
  readonly to?: number;
}

/**
 * The smallest and largest value of each tensor over the samples, in one run over them. A tensor without values (a size
 * of 0) has the range 0 to 0.
 * @throws ExpectedError `activation-not-finite`, and what the runner throws
 */
export async function measureExtremes(
  graph: Graph,
  tensorNames: readonly string[],
  runner: SampleRunner,
  span: SampleSpan = {},
): Promise<Map<string, TensorRange>> {
  const extremes = new Map<string, TensorRange>();
  if (tensorNames.length === 0) return extremes;
  const isFloat = (name: string): boolean => graph.tensors.get(name)?.elementType === 'float32';
  const reduced = tensorNames.filter(isFloat);
  const seen = tensorNames.filter(name => !isFloat(name));
  const sources = new Map(reduced.map(name => [name, sameValues(graph, name)]));
  const distinct = new Set([...sources.values()].flat());
  const {model, output, parts} = extremesModel(graph, [...distinct], finiteTensors(graph, distinct));
  const add = (name: string, {min, max}: TensorRange): void => {
    if (min <= max) extremes.set(name, united(extremes.get(name) ?? {min, max}, {min, max}));
  };
  const doubtful = new Set<number>();
  const samplesPerRun = seen.length === 0 ? samplesAtOnce(graph) : 1;
  const measured = samplesPerRun > 1 ? withOpenBatch(model, graph) : model;
  await runner.run({
    model: reduced.length === 0 ? graph.model : measured,
    tensors: reduced.length === 0 ? seen : [output, ...seen],
    mode: 'fused',
    multiplyAdds: layerCosts(graph).totals.multiplyAdds,
    samplesPerRun,
    ...span,
    visit(values, sample, count) {
      const reductions = reduced.length === 0 ? [] : floatsOf(valuesOf(values, output));
      const valueAt = (place: number): number => reductions[place] ?? NaN;
      for (const {tensor, min, max, sum} of parts) {
        const range = {min: min === null ? 0 : valueAt(min), max: valueAt(max)};
        add(tensor, range);
        const isDoubtful = sum === null ? !isSafe(range) : !Number.isFinite(valueAt(sum));
        if (isDoubtful) for (let each = 0; each < count; each += 1) doubtful.add(sample + each);
      }
      for (const [name, range] of finiteExtremes(graph, seen, values, sample)) add(name, range);
    },
  });
  // A sum may be too large although all values are finite: only these say.
  for (const sample of doubtful) {
    await runner.run({
      model: graph.model,
      tensors: reduced,
      mode: 'fused',
      from: sample,
      to: sample + 1,
      visit: values => void finiteExtremes(graph, reduced, values, sample),
    });
  }
  const rangeOf = (name: string): TensorRange => {
    const ranges = (sources.get(name) ?? [name]).flatMap(source => extremes.get(source) ?? []);
    return ranges.length === 0 ? {min: 0, max: 0} : ranges.reduce(united);
  };
  return new Map(tensorNames.map(name => [name, rangeOf(name)]));
}

/** @throws ExpectedError `activation-not-finite` */
function finiteExtremes(
  graph: Graph,
  names: readonly string[],
  values: NamedTensors,
  sample: number,
): Map<string, TensorRange> {
  const ranges = new Map<string, TensorRange>();
  const broken: string[] = [];
  for (const name of names) {
    const range = extremesOf(floatsOf(valuesOf(values, name)));
    if (range === null) broken.push(name);
    else ranges.set(name, range);
  }
  if (broken.length > 0) throw notFinite(graph, broken, sample);
  return ranges;
}

/** Without values min is Infinity and max is −Infinity. */
function isSafe({min, max}: TensorRange): boolean {
  return min > max || (min >= -LARGEST_SAFE && max <= LARGEST_SAFE);
}

function valuesOf(values: NamedTensors, name: string): Tensor {
  const tensor = values[name];
  if (tensor === undefined) throw new RangeError(`no values of "${name}"`);
  return tensor;
}

export function united(one: TensorRange, other: TensorRange): TensorRange {
  return {min: Math.min(one.min, other.min), max: Math.max(one.max, other.max)};
}

/** `null` when a value is NaN or infinite; without values min is above max. */
function extremesOf(values: Float32Array | Float64Array): TensorRange | null {
  let min = Infinity;
  let max = -Infinity;
  // 0 times a finite number is 0, times any other NaN, which then stays.
  let zero = 0;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    zero += value * 0;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return zero === 0 ? {min, max} : null;
}

/** Names the first of the layers in graph order: the others read what it made. */
function notFinite(graph: Graph, names: readonly string[], sample: number): ExpectedError {
  const producerOf = (name: string): number => graph.tensors.get(name)?.producer ?? -1;
  const first = names.toSorted((one, other) => producerOf(one) - producerOf(other))[0] ?? '';
  const layer = graph.layers[producerOf(first)];
  const place =
    layer === undefined ? `Input "${first}"` : `Layer ${layer.name} (${layer.operator}), tensor "${first}",`;
  return new ExpectedError(
    'activation-not-finite',
    `${place} has NaN or infinite values on sample ${sample}, so it has no range to quantise.`,
    EXIT.invalidDocument,
    {
      hints: [
        'check the preprocessing in edgewise.yaml: a wrong scale is the usual cause',
        'leave that sample out',
      ],
    },
  );
}
