import {fitBoostedTrees, type BoostingSettings} from './boostedTrees.ts';
import type {LayerWork} from './layerWork.ts';
import {fitRoofline, kindOfWork, rooflineMs, type WorkKind} from './roofline.ts';

/** A model whose layers were timed on a machine. */
export interface MeasuredModelWork {
  readonly model: string;
  readonly layers: readonly (LayerWork & {readonly ms: number})[];
}

export type PredictLayerMs = (work: LayerWork) => number;

/** Chosen by leaving models out (npm run bench:estimate); flat around these values. */
const SETTINGS: BoostingSettings = {trees: 200, learningRate: 0.08, depth: 4, leafWeight: 2};

/** The profiler's clock has microseconds. */
const LEAST_MS = 5e-4;
/** An operator with fewer rows is told apart by what it does, not by its name. */
const OPERATOR_ROWS = 3;

/**
 * Milliseconds of a layer from what it has to do, fitted to every layer of `models`: a roofline, which holds outside of
 * what was measured too, times what boosted trees learn of how far the machine is from it.
 * @throws RangeError without any layer
 */
export function fitLayerTimes(models: readonly MeasuredModelWork[]): PredictLayerMs {
  const rows = models.flatMap(({layers}) => {
    const totalMs = layers.reduce((sum, {ms}) => sum + ms, 0);
    return layers.map(work => {
      const ms = Math.max(work.ms, LEAST_MS);
      // What takes long decides placements; what is short is many.
      return {work, ms, weight: 0.1 + Math.sqrt(ms / Math.max(totalMs, LEAST_MS))};
    });
  });
  if (rows.length === 0) throw new RangeError('no layer was measured');
  const weights = rows.map(({weight}) => weight);
  const roofline = fitRoofline(rows, weights);
  const operators = countedOperators(rows.map(({work}) => work.operator));
  const featuresOf = (work: LayerWork): number[] => [
    ...sizesOf(work),
    ...operators.map(name => Number(work.operator === name)),
  ];
  const correct = fitBoostedTrees(
    rows.map(({work}) => featuresOf(work)),
    rows.map(({work, ms}) => Math.log(ms / rooflineMs(work, roofline))),
    weights,
    SETTINGS,
  );
  return work => rooflineMs(work, roofline) * Math.exp(correct(featuresOf(work)));
}

const KIND_NUMBERS: Readonly<Record<WorkKind, number>> = {
  product: 0,
  'dense-convolution': 1,
  'depthwise-convolution': 2,
};

/** Sizes as powers of two: a tree's thresholds then are factors. */
function sizesOf(work: LayerWork): number[] {
  const bytes = work.inputBytes + work.outputBytes + work.weightBytes;
  return [
    work.multiplyAdds,
    work.inputBytes,
    work.outputBytes,
    work.weightBytes,
    work.outputChannels,
    work.inputChannelsPerGroup,
    work.groups,
    work.kernelElements,
    work.stride,
    // How many positions a kernel is used at.
    work.outputElements / Math.max(1, work.outputChannels),
    // How much is computed with each byte moved.
    (8 * work.multiplyAdds) / Math.max(1, bytes),
  ]
    .map(size => Math.log2(1 + size))
    .concat(KIND_NUMBERS[kindOfWork(work)], Number(work.multiplyAdds > 0));
}

function countedOperators(operators: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const operator of operators) counts.set(operator, (counts.get(operator) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count >= OPERATOR_ROWS)
    .map(([operator]) => operator)
    .sort();
}
