import type {Improvement} from '../../documents/improvements.ts';
import type {QuantizationScheme} from '../../documents/quantizationScheme.ts';
import type {Graph} from '../../model/graph.ts';
import {planQuantization, tensorsToMeasure} from '../planQuantization.ts';
import type {CorrectedValues, FloatReason, QuantizationPlan, TensorRange} from '../quantizationPlan.ts';
import {collectHistograms} from '../ranges/collectHistograms.ts';
import {measureExtremes} from '../ranges/measureExtremes.ts';
import {rangeFromHistogram, type RangeMethod} from '../ranges/rangeFromHistogram.ts';
import type {RunMode, SampleRunner} from '../sampleRunner.ts';
import {balanceWeights} from './balanceWeights.ts';
import {correctBiases} from './correctBiases.ts';
import {findEndLayers} from './endLayers.ts';
import {cutToConcats} from './cutToConcats.ts';
import {equalizeActivations} from './equalizeChannels.ts';
import {judgedTensors} from './judgedTensors.ts';
import {learnRounding} from './learnRounding.ts';
import {measureChannels, measureLastAxisMagnitudes} from './measureChannels.ts';
import {narrowRanges} from './narrowRanges.ts';
import {refineRanges} from './refineRanges.ts';
import {findSmoothable, smoothOutliers} from './smoothOutliers.ts';
import {withTypesOf} from './withTypesOf.ts';

/** A quantisation as it stands: what quantizeGraph needs, and what the plan was made from. */
export interface Quantization {
  readonly graph: Graph;
  readonly keepFloat: ReadonlyMap<string, FloatReason>;
  readonly plan: QuantizationPlan;
  readonly ranges: ReadonlyMap<string, TensorRange>;
  readonly corrected: CorrectedValues;
}

/** What a step learns from: samples `from` up to but without `to`. */
export interface LearningContext {
  readonly scheme: QuantizationScheme;
  readonly runner: SampleRunner;
  readonly mode: RunMode;
  readonly from: number;
  readonly to: number;
  /** Extremes are those of samples `from` up to this one, held out or not: a rare one that is cut off costs most. */
  readonly extremesTo: number;
  /** Samples `to` up to but without this one are held out, and judge the steps. */
  readonly heldOutTo: number;
  /** All layers that may become integers. */
  readonly weighted: readonly string[];
  readonly onLayer: (done: number, all: number) => void;
  readonly onRange: (done: number, all: number) => void;
}

export interface ImprovementStep {
  readonly name: Improvement;
  /** Decibels that it has to gain, for what it costs later or does where the samples held out do not look. */
  readonly leastGainDb: number | ((start: Quantization) => number);
  /** Whether what it gains shows only once the integers are learned: it is judged with that, before and after. */
  readonly isJudgedRounded?: (scheme: QuantizationScheme) => boolean;
  /** Each a way to go on from here, most cautious first. */
  candidates(start: Quantization, context: LearningContext): AsyncIterable<Quantization>;
}

/** Models of so many weighted layers take float ends for a decibel, those of twice as many for half of one. */
const LAYERS_OF_ONE_DECIBEL = 20;
const NOTHING: CorrectedValues = {biases: new Map(), weights: new Map()};
/** How far below its tensor's largest magnitude a raised channel stays; nearer clips what other samples hold. */
const EQUALIZATION_HEADROOMS = [2, 1] as const;
/** How much of the outliers goes into the weights: 0.5 for most models, more where they are large (arXiv 2211.10438, section 5). */
const SMOOTHING_SHARES = [0.25, 0.5, 0.75] as const;
/** Weighted layers behind a tensor at which its ranges are compared; 2 takes twice the time and does no better. */
const RANGE_DEPTH = 1;
const RANGE_METHODS: readonly RangeMethod[] = ['mse', 'entropy', {percentile: 99.999}, {percentile: 99.99}];

/** From nothing but extremes. */
export async function startQuantization(
  graph: Graph,
  keepFloat: ReadonlyMap<string, FloatReason>,
  {scheme, runner, from, extremesTo}: Pick<LearningContext, 'scheme' | 'runner' | 'from' | 'extremesTo'>,
): Promise<Quantization> {
  const plan = planQuantization(graph, scheme, keepFloat);
  const ranges = await measureExtremes(graph, tensorsToMeasure(plan), runner, {from, to: extremesTo});
  return {graph, keepFloat, plan, ranges, corrected: NOTHING};
}

/** Those that change the graph come first: what is learned after them is learned for that graph. */
export const IMPROVEMENT_STEPS: readonly ImprovementStep[] = [
  {
    name: 'float-ends',
    // Integers and floats meet inside the model then: of 0.034 ms that a small perceptron took it was 0.004 ms for 0.9 dB. The
    // deeper a model is the smaller is that share of it.
    leastGainDb: ({plan}) => Math.min(1, LAYERS_OF_ONE_DECIBEL / plan.weighted.length),
    async *candidates({graph, keepFloat, plan}, context) {
      if (context.scheme.isIntegerThroughout === true) return;
      const {first, last} = findEndLayers(graph, plan);
      const ends = [[...first, ...last], first, last];
      const sets = new Map(ends.map(layers => [[...new Set(layers)].sort().join('\n'), layers]));
      for (const layers of sets.values()) {
        if (layers.length === 0 || layers.length === plan.weighted.length) continue;
        const kept = layers.map(layer => [layer, 'accuracy'] as const);
        yield startQuantization(graph, new Map([...keepFloat, ...kept]), context);
      }
    },
  },
  {
    name: 'equalization',
    leastGainDb: 0.3,
    // One scale for all weights of a layer: plain rounding wants their channels alike at any price. Learned, ad01 loses 3 dB by it.
    isJudgedRounded: ({weights}) => !weights.isPerChannel,
    async *candidates({graph, keepFloat, plan}, context) {
      if (!context.scheme.weights.isPerChannel)
        yield startQuantization(withTypesOf(graph, balanceWeights(graph)), keepFloat, context);
      const magnitudes = await measureChannels(graph, plan, context.runner, context);
      if (magnitudes.size === 0) return;
      for (const headroom of EQUALIZATION_HEADROOMS) {
        const equalized = withTypesOf(graph, equalizeActivations(graph, magnitudes, headroom));
        yield startQuantization(equalized, keepFloat, context);
      }
    },
  },
  {
    name: 'smoothing',
    leastGainDb: 0.5,
    async *candidates({graph, keepFloat}, context) {
      const tensors = [...new Set(findSmoothable(graph).flatMap(({tensors}) => tensors))];
      if (tensors.length === 0) return;
      const magnitudes = await measureLastAxisMagnitudes(graph, tensors, context.runner, context);
      for (const alpha of SMOOTHING_SHARES) {
        const smoothed = withTypesOf(graph, smoothOutliers(graph, magnitudes, alpha));
        yield startQuantization(smoothed, keepFloat, context);
      }
    },
  },
  {
    name: 'ranges',
    leastGainDb: 0.05,
    async *candidates(start, context) {
      const {graph, plan} = start;
      const cut = (ranges: ReadonlyMap<string, TensorRange>): Quantization => ({
        ...start,
        ranges: cutToConcats(graph, plan, ranges),
      });
      yield cut(await refineRanges({...start, ...context}, RANGE_DEPTH));
      const histograms = await collectHistograms(graph, tensorsToMeasure(plan), context.runner, context);
      for (const method of RANGE_METHODS) {
        const ranges = [...histograms].map(
          ([name, histogram]) =>
            [name, rangeFromHistogram(histogram, method, context.scheme.activations)] as const,
        );
        yield cut(new Map(ranges));
      }
    },
  },
  {
    name: 'narrowing',
    // Each range was held against samples held out already, by itself. The judge, where all layers round, sees less well.
    leastGainDb: -0.3,
    async *candidates(start, context) {
      const {graph, plan} = start;
      const ends = judgedTensors(graph, context.weighted);
      const ranges = await narrowRanges({...start, ...context, ends}, context.onRange);
      const isNarrower = [...ranges].some(([tensor, range]) => range !== start.ranges.get(tensor));
      if (isNarrower) yield {...start, ranges: cutToConcats(graph, plan, ranges)};
    },
  },
  {
    name: 'rounding',
    leastGainDb: 0.05,
    async *candidates(start, context) {
      yield {...start, corrected: await learnRounding({...start, ...context}, context.onLayer)};
    },
  },
  {
    name: 'bias-correction',
    leastGainDb: 0.3,
    async *candidates(start, context) {
      const corrected = await correctBiases({...start, ...context}, start.corrected, context.onLayer);
      yield {...start, corrected};
    },
  },
];
