import type {NamedTensors} from '../../documents/tensor.ts';
import type {Graph} from '../../model/graph.ts';
import {floatsOf} from '../accuracy/floatsOf.ts';
import type {ChannelLayer} from './channelLayers.ts';
import type {CalibrationSamples} from './inputStatistics.ts';

/** The outputs of the last weighted layers: what comes behind them only rescales the answer. */
export function answerTensors(graph: Graph, layers: readonly ChannelLayer[]): string[] {
  const weighted = new Map(layers.map(({layer, output}) => [layer, output]));
  const reachesWeighted = new Set<string>();
  const answers: string[] = [];
  for (const layer of graph.layers.toReversed()) {
    const isRead = layer.outputs.some(name => reachesWeighted.has(name));
    const own = weighted.get(layer.name);
    if (own !== undefined && !isRead) answers.push(own);
    if (own === undefined && !isRead) continue;
    for (const name of [...layer.inputs, ...layer.outerInputs]) reachesWeighted.add(name);
  }
  return answers.reverse();
}

export type Answers = readonly (readonly (Float32Array | Float64Array)[])[];

/** The values of these tensors on the first `count` calibration samples. */
export async function answersOf(
  model: Graph['model'],
  tensors: readonly string[],
  {runner, from, to}: CalibrationSamples,
  count: number,
): Promise<Answers> {
  const answers: (Float32Array | Float64Array)[][] = [];
  await runner.run({
    model,
    tensors,
    mode: 'fused',
    from,
    to: Math.min(to, from + count),
    visit: (values: NamedTensors) => {
      answers.push(
        tensors.map(name => {
          const tensor = values[name];
          if (tensor === undefined) throw new RangeError(`no values of "${name}"`);
          return floatsOf(tensor);
        }),
      );
    },
  });
  return answers;
}

/** Mean square of the difference as a share of the variance of what is expected, summed over the tensors. */
export function answerError(expected: Answers, found: Answers): number {
  let total = 0;
  for (let tensor = 0; tensor < (expected[0]?.length ?? 0); tensor += 1) {
    let count = 0;
    let sum = 0;
    let squares = 0;
    let missed = 0;
    for (const [sample, values] of expected.entries()) {
      const other = found[sample]?.[tensor];
      values[tensor]?.forEach((value: number, at: number) => {
        count += 1;
        sum += value;
        squares += value * value;
        missed += (value - (other?.[at] ?? NaN)) ** 2;
      });
    }
    const variance = squares - (sum * sum) / count;
    total += variance > 0 ? missed / variance : 0;
  }
  return total;
}
