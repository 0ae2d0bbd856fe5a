import type {Improvement} from '../../documents/improvements.ts';
import type {QuantizationScheme} from '../../documents/quantizationScheme.ts';
import type {Graph} from '../../model/graph.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {keepReferenceOutputs, meanDecibels, signalToNoiseOf} from '../accuracy/signalToNoise.ts';
import {tensorsToMeasure} from '../planQuantization.ts';
import type {CorrectedValues, QuantizationPlan, TensorRange} from '../quantizationPlan.ts';
import {quantizeGraph} from '../quantizeGraph.ts';
import {collectHistograms} from '../ranges/collectHistograms.ts';
import {measureExtremes} from '../ranges/measureExtremes.ts';
import {rangeFromHistogram, type RangeMethod} from '../ranges/rangeFromHistogram.ts';
import type {RunMode, SampleRunner} from '../sampleRunner.ts';
import {correctBiases} from './correctBiases.ts';
import {equalizeActivations} from './equalizeChannels.ts';
import {learnRounding} from './learnRounding.ts';
import {measureChannels} from './measureChannels.ts';

/** A quantisation as it stands: what quantizeGraph needs. */
export interface Quantization {
  readonly graph: Graph;
  readonly ranges: ReadonlyMap<string, TensorRange>;
  readonly corrected: CorrectedValues;
}

/** One step, kept or not; decibels are the mean of the outputs' on the samples held out. */
export interface ImprovementStep {
  readonly name: Improvement;
  readonly isKept: boolean;
  readonly beforeDb: number;
  readonly afterDb: number;
}

export interface ImprovedQuantization extends Quantization {
  readonly steps: readonly ImprovementStep[];
}

export interface ImprovementTask {
  readonly graph: Graph;
  readonly plan: QuantizationPlan;
  readonly scheme: QuantizationScheme;
  readonly runner: SampleRunner;
  readonly mode: RunMode;
  /** Samples to learn from: the first ones; all after them are held out to judge each step by. */
  readonly learned: number;
  readonly without: readonly Improvement[];
  readonly onStep?: (name: Improvement, detail?: string) => void;
}

/** Of how far quiet channels are raised: half way pays on all models that were tried, all the way clips rare values. */
const EQUALIZATION_STRENGTHS = [0.5, 1] as const;
const RANGE_METHODS: readonly RangeMethod[] = ['mse', 'entropy', {percentile: 99.999}, {percentile: 99.99}];
/** Slightly clipped extremes: the last step before what the histogram methods take away. */
const RANGE_FACTORS = [0.95, 0.9] as const;


/**
 * Makes a quantised model better without training: channels equalised, ranges chosen by what they do to the outputs,
 * integers learned layer by layer against the inputs that the quantised model has, biases corrected in graph order. Every
 * step is kept only when it raises the outputs' signal-to-noise ratio on samples that it has not learned from.
 */
export async function improveQuantization(task: ImprovementTask): Promise<ImprovedQuantization> {
  const {plan, scheme, runner, mode, learned, without} = task;
  const span = {from: 0, to: learned};
  const heldOut = learned < runner.sampleCount ? {from: learned, to: runner.sampleCount} : span;
  const reference = await keepReferenceOutputs(runner, task.graph.model, heldOut);
  const judge = async ({graph, ranges, corrected}: Quantization): Promise<number> =>
    meanDecibels(
      await signalToNoiseOf(runner, quantizeGraph(graph, plan, scheme, ranges, corrected), reference, mode),
    );
  const tensors = tensorsToMeasure(plan);
  const extremesOf = (graph: Graph) => measureExtremes(graph, tensors, runner, span);
  const nothing: CorrectedValues = {biases: new Map(), weights: new Map()};

  let best: Quantization = {graph: task.graph, ranges: await extremesOf(task.graph), corrected: nothing};
  let bestDb = await judge(best);
  const steps: ImprovementStep[] = [];
  const tryStep = async (name: Improvement, candidates: () => AsyncIterable<Quantization>): Promise<void> => {
    if (without.includes(name) || bestDb === Infinity) return;
    task.onStep?.(name);
    const beforeDb = bestDb;
    let afterDb = -Infinity;
    for await (const candidate of candidates()) {
      const db = await judge(candidate);
      afterDb = Math.max(afterDb, db);
      if (db > bestDb) [best, bestDb] = [candidate, db];
    }
    if (afterDb !== -Infinity) steps.push({name, isKept: bestDb > beforeDb, beforeDb, afterDb});
  };
  const layersDone = (name: Improvement) => (done: number, all: number) =>
    task.onStep?.(name, `${done} of ${all} layers`);

  await tryStep('equalization', async function* () {
    const {graph} = best;
    const magnitudes = await measureChannels(graph, plan, runner, span);
    if (magnitudes.size === 0) return;
    for (const strength of EQUALIZATION_STRENGTHS) {
      const equalized = withTypesOf(graph, equalizeActivations(graph, magnitudes, strength));
      yield {graph: equalized, ranges: await extremesOf(equalized), corrected: nothing};
    }
  });
  await tryStep('ranges', async function* () {
    const {graph, ranges: extremes} = best;
    const histograms = await collectHistograms(graph, tensors, runner, span);
    for (const method of RANGE_METHODS) {
      const ranges = new Map(
        [...histograms].map(([name, histogram]) => [
          name,
          rangeFromHistogram(histogram, method, scheme.activations),
        ]),
      );
      yield {graph, ranges, corrected: nothing};
    }
    for (const factor of RANGE_FACTORS) {
      const narrowed = [...extremes].map(
        ([name, {min, max}]) => [name, {min: min * factor, max: max * factor}] as const,
      );
      yield {graph, ranges: new Map(narrowed), corrected: nothing};
    }
  });
  await tryStep('rounding', async function* () {
    const {graph, ranges} = best;
    const correction = {graph, plan, scheme, ranges, runner, mode, ...span};
    const corrected = await learnRounding(correction, layersDone("rounding"));
    yield {graph, ranges, corrected};
  });
  await tryStep('bias-correction', async function* () {
    const {graph, ranges} = best;
    const correction = {graph, plan, scheme, ranges, runner, mode, ...span};
    const corrected = await correctBiases(correction, best.corrected, layersDone('bias-correction'));
    yield {graph, ranges, corrected};
  });
  return {...best, steps};
}

/** Scaling channels changes values, not types or shapes. */
function withTypesOf(graph: Graph, model: OnnxModel): Graph {
  const rewritten = graphFromModel(model);
  const tensors = new Map(
    [...rewritten.tensors].map(([name, tensor]) => {
      const {elementType, shape, dims} = graph.tensors.get(name) ?? {};
      return [
        name,
        {
          ...tensor,
          ...(elementType === undefined ? {} : {elementType}),
          ...(shape === undefined ? {} : {shape}),
          ...(dims === undefined ? {} : {dims}),
        },
      ];
    }),
  );
  return {...rewritten, tensors};
}
