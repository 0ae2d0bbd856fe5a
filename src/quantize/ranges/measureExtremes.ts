import {EXIT, ExpectedError} from '../../errors.ts';
import type {Graph} from '../../model/graph.ts';
import {floatsOf} from '../accuracy/floatsOf.ts';
import type {TensorRange} from '../quantizationPlan.ts';
import type {SampleRunner} from '../sampleRunner.ts';

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
  await runner.run({
    model: graph.model,
    tensors: tensorNames,
    mode: 'fused',
    ...span,
    visit(values, sample) {
      const broken: string[] = [];
      for (const name of tensorNames) {
        const tensor = values[name];
        if (tensor === undefined) throw new RangeError(`no values of "${name}"`);
        const range = extremesOf(floatsOf(tensor));
        if (range === null) broken.push(name);
        else if (range.min <= range.max) extremes.set(name, united(extremes.get(name) ?? range, range));
      }
      if (broken.length > 0) throw notFinite(graph, broken, sample);
    },
  });
  return new Map(tensorNames.map(name => [name, extremes.get(name) ?? {min: 0, max: 0}]));
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
