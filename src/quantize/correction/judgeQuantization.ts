import type {QuantizationScheme} from '../../documents/quantizationScheme.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import type {Graph} from '../../model/graph.ts';
import {meanDecibels, startSignalToNoise} from '../accuracy/signalToNoise.ts';
import {quantizeGraph} from '../quantizeGraph.ts';
import type {RunMode, SampleRunner} from '../sampleRunner.ts';
import type {Quantization} from './improvementSteps.ts';
import {judgedTensors} from './judgedTensors.ts';

export interface JudgeOptions {
  readonly scheme: QuantizationScheme;
  /** All layers that may become integers: the same for every quantisation that is compared. */
  readonly weighted: readonly string[];
  readonly runner: SampleRunner;
  readonly mode: RunMode;
  readonly from: number;
  readonly to: number;
}

/** What a sample counts that is answered without any noise: that of float32 itself. */
const NO_NOISE_DB = 140;

/**
 * A judge of quantisations by the samples `from` up to `to`: the mean signal-to-noise ratio, in dB and sample by sample,
 * of what the last weighted layers read and make. The outputs themselves would do worse: behind a Softmax the few samples that are in doubt
 * decide alone, and a classifier's few numbers leave more to chance than the features before them.
 */
export function startJudge({
  scheme,
  weighted,
  runner,
  mode,
  from,
  to,
}: JudgeOptions): (one: Quantization) => Promise<number> {
  const references = new WeakMap<Graph, readonly NamedTensors[]>();
  return async ({graph, plan, ranges, corrected}) => {
    const model = quantizeGraph(graph, plan, scheme, ranges, corrected);
    const wanted = judgedTensors(graph, weighted);
    const made = new Set(model.graph.nodes.flatMap(({outputs}) => outputs));
    const found = wanted.filter(name => made.has(name));
    const tensors = found.length > 0 ? found : graph.outputs;
    let reference = references.get(graph);
    if (reference === undefined) {
      const values: NamedTensors[] = [];
      const all = [...new Set([...wanted, ...graph.outputs])];
      await runner.run({
        model: graph.model,
        tensors: all,
        mode: 'fused',
        from,
        to,
        visit: one => values.push(one),
      });
      reference = values;
      references.set(graph, reference);
    }
    let decibels = 0;
    const expected = reference;
    await runner.run({
      model,
      tensors,
      mode,
      from,
      to,
      visit(values, sample) {
        const sums = startSignalToNoise(tensors);
        sums.add(expected[sample - from] ?? {}, values);
        decibels += Math.min(NO_NOISE_DB, meanDecibels(sums.decibels()));
      },
    });
    return decibels / (to - from);
  };
}
