import type {Graph} from '../../model/graph.ts';
import {floatsOf} from '../accuracy/floatsOf.ts';
import type {SampleRunner} from '../sampleRunner.ts';
import {BINS, countValues, emptyHistogram, type Histogram} from './histogram.ts';
import {measureExtremes, type SampleSpan} from './measureExtremes.ts';

/**
 * The distribution of each tensor's values over the samples, in two runs over them: the extremes, then bins of fixed
 * width between these. Takes the memory of one sample, however many there are.
 * @throws ExpectedError `activation-not-finite`, and what the runner throws
 */
export async function collectHistograms(
  graph: Graph,
  tensorNames: readonly string[],
  runner: SampleRunner,
  span: SampleSpan = {},
  bins: number = BINS,
): Promise<Map<string, Histogram>> {
  const extremes = await measureExtremes(graph, tensorNames, runner, span);
  const histograms = new Map([...extremes].map(([name, range]) => [name, emptyHistogram(range, bins)]));
  if (histograms.size === 0) return histograms;
  await runner.run({
    model: graph.model,
    tensors: tensorNames,
    mode: 'fused',
    ...span,
    visit(values) {
      for (const [name, histogram] of histograms) {
        const tensor = values[name];
        if (tensor === undefined) throw new RangeError(`no values of "${name}"`);
        countValues(histogram, floatsOf(tensor));
        // Freed now: garbage of several samples would pile up before anything collects it.
        if (tensor.bytes.buffer instanceof ArrayBuffer) tensor.bytes.buffer.transfer(0);
      }
    },
  });
  return histograms;
}
