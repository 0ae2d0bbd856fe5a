import type {Improvement} from '../../documents/improvements.ts';
import type {QuantizationScheme} from '../../documents/quantizationScheme.ts';
import type {Graph} from '../../model/graph.ts';
import type {RunMode, SampleRunner} from '../sampleRunner.ts';
import {
  IMPROVEMENT_STEPS,
  startQuantization,
  type ImprovementStep,
  type LearningContext,
  type Quantization,
} from './improvementSteps.ts';
import {startJudge} from './judgeQuantization.ts';

export interface ImprovementTask {
  readonly graph: Graph;
  readonly scheme: QuantizationScheme;
  readonly runner: SampleRunner;
  readonly mode: RunMode;
  /** Samples to learn from: the first ones; all after them are held out to judge each step by. */
  readonly learned: number;
  /** The first samples that may be learned from in the end, once every step is judged: without copies of others. */
  readonly distinct: number;
  readonly without: readonly Improvement[];
  readonly onStep?: (name: Improvement | 'extremes', layers?: DoneLayers) => void;
}

/** How far a step is that goes layer by layer. */
export interface DoneLayers {
  readonly done: number;
  readonly all: number;
}

/** One step, kept or not; decibels are the judge's, on the samples held out. */
export interface TriedStep {
  readonly name: Improvement;
  readonly isKept: boolean;
  readonly beforeDb: number;
  /** Of the best way that the step found. */
  readonly afterDb: number;
}

export interface ImprovedQuantization extends Quantization {
  readonly steps: readonly TriedStep[];
}

/** With fewer samples than this, what was chosen is learned again from all of them, those held out included. */
const ENOUGH_SAMPLES = 128;

/** What a less cautious candidate has to be better by. */
const CAUTION_DB = 0.25;

/** A step that was kept, and which of its candidates. */
interface KeptStep {
  readonly step: ImprovementStep;
  readonly candidate: number;
}

/**
 * Makes a quantised model better without training. Every step is kept only when it raises the outputs' signal-to-noise
 * ratio on samples that it has not learned from.
 * @throws ExpectedError `activation-not-finite`
 */
export async function improveQuantization(task: ImprovementTask): Promise<ImprovedQuantization> {
  const {runner, mode, scheme, learned, distinct, without} = task;
  const all = runner.sampleCount;
  const heldOut = learned < all ? {from: learned, to: all} : {from: 0, to: all};
  const contextOf = (to: number, name: Improvement | 'extremes'): LearningContext => {
    task.onStep?.(name);
    const onLayer = (done: number, all: number): void => task.onStep?.(name, {done, all});
    return {scheme, runner, mode, from: 0, to, onLayer};
  };
  let best = await startQuantization(task.graph, new Map(), contextOf(learned, 'extremes'));
  const weighted = best.plan.weighted.map(({layer}) => layer);
  const judge = startJudge({scheme, weighted, runner, mode, ...heldOut});
  let bestDb = await judge(best);
  const steps: TriedStep[] = [];
  const kept: KeptStep[] = [];
  for (const step of IMPROVEMENT_STEPS) {
    const {name, leastGainDb} = step;
    if (without.includes(name) || bestDb === Infinity) continue;
    const tried = await tryCandidates(step, best, contextOf(learned, name), judge);
    if (tried === null) continue;
    const isKept = tried.decibels >= bestDb + leastGainDb;
    steps.push({name, isKept, beforeDb: bestDb, afterDb: tried.decibels});
    if (!isKept) continue;
    kept.push({step, candidate: tried.candidate});
    [best, bestDb] = [tried.quantization, tried.decibels];
  }
  if (learned >= Math.min(distinct, ENOUGH_SAMPLES)) return {...best, steps};

  let again = await startQuantization(task.graph, new Map(), contextOf(distinct, 'extremes'));
  for (const {step, candidate} of kept)
    again = await candidateAt(step.candidates(again, contextOf(distinct, step.name)), candidate);
  return {...again, steps};
}

/** The best of a step's candidates; `null` when it has none here. */
async function tryCandidates(
  step: ImprovementStep,
  start: Quantization,
  context: LearningContext,
  judge: (quantization: Quantization) => Promise<number>,
): Promise<{quantization: Quantization; candidate: number; decibels: number} | null> {
  let best: {quantization: Quantization; candidate: number; decibels: number} | null = null;
  let candidate = 0;
  for await (const quantization of step.candidates(start, context)) {
    const decibels = await judge(quantization);
    if (best === null || decibels > best.decibels + CAUTION_DB) best = {quantization, candidate, decibels};
    candidate += 1;
  }
  return best;
}

async function candidateAt(candidates: AsyncIterable<Quantization>, wanted: number): Promise<Quantization> {
  let at = 0;
  for await (const quantization of candidates) {
    if (at === wanted) return quantization;
    at += 1;
  }
  throw new RangeError(`a step that had candidate ${wanted} has only ${at} with more samples`);
}
