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
import {learnRounding} from './learnRounding.ts';
import {nameRescaled} from './nameRescaled.ts';
import {startJudge} from './judgeQuantization.ts';

export interface ImprovementTask {
  readonly graph: Graph;
  readonly scheme: QuantizationScheme;
  readonly runner: SampleRunner;
  readonly mode: RunMode;
  /** Samples to learn from: the first ones; all after them are held out to judge each step by. */
  readonly learned: number;
  /** All samples that are no copies of others. */
  readonly distinct: number;
  readonly without: readonly Improvement[];
  readonly onStep?: (name: Improvement | 'extremes', layers?: DoneLayers) => void;
}

/** How far a step is that goes layer by layer, or range by range. */
export interface DoneLayers {
  readonly done: number;
  readonly all: number;
  readonly counted?: 'ranges';
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

/** What a less cautious candidate has to be better by. */
const CAUTION_DB = 0.25;

/**
 * Makes a quantised model better without training. Every step is kept only when it raises the outputs' signal-to-noise
 * ratio on samples that it has not learned from.
 * @throws ExpectedError `activation-not-finite`
 */
export async function improveQuantization(task: ImprovementTask): Promise<ImprovedQuantization> {
  const {runner, mode, scheme, learned, distinct, without} = task;
  const all = runner.sampleCount;
  const heldOut = learned < all ? {from: learned, to: all} : {from: 0, to: all};
  task.onStep?.('extremes');
  const learning = {scheme, runner, mode, from: 0, to: learned, extremesTo: distinct, heldOutTo: all};
  let best = await startQuantization(task.graph, new Map(), learning);
  const weighted = best.plan.weighted.map(({layer}) => layer);
  const judge = startJudge({scheme, weighted, runner, mode, ...heldOut});
  let bestDb = await judge(best);
  const steps: TriedStep[] = [];
  for (const step of IMPROVEMENT_STEPS) {
    const {name, leastGainDb} = step;
    if (without.includes(name) || bestDb === Infinity) continue;
    task.onStep?.(name);
    const onLayer = (done: number, of: number): void => task.onStep?.(name, {done, all: of});
    const onRange = (done: number, of: number): void =>
      task.onStep?.(name, {done, all: of, counted: 'ranges'});
    const context = {...learning, weighted, onLayer, onRange};
    const isRounded = step.isJudgedRounded?.(scheme) === true && !without.includes('rounding');
    const judgeStep = isRounded ? judgeLearned(judge, context) : judge;
    const tried = await tryCandidates(step, best, context, judgeStep);
    if (tried === null) continue;
    const beforeDb = isRounded ? await judgeStep(best) : bestDb;
    const leastGain = typeof leastGainDb === 'number' ? leastGainDb : leastGainDb(best);
    const isKept = tried.decibels >= beforeDb + leastGain;
    steps.push({name, isKept, beforeDb, afterDb: tried.decibels});
    if (!isKept) continue;
    best = tried.quantization;
    bestDb = isRounded ? await judge(best) : tried.decibels;
  }
  return {...(await nameRescaled(task.graph, best, task)), steps};
}

type JudgeOf = (quantization: Quantization) => Promise<number>;

/** By what a quantisation is with its integers learned. */
function judgeLearned(judge: JudgeOf, context: LearningContext): JudgeOf {
  return async quantization => {
    const corrected = await learnRounding({...quantization, ...context});
    return judge({...quantization, corrected});
  };
}

interface Tried {
  readonly quantization: Quantization;
  readonly decibels: number;
}

/** The best of a step's candidates; `null` when it has none here. */
async function tryCandidates(
  step: ImprovementStep,
  start: Quantization,
  context: LearningContext,
  judge: JudgeOf,
): Promise<Tried | null> {
  let best: Tried | null = null;
  for await (const quantization of step.candidates(start, context)) {
    const decibels = await judge(quantization);
    if (best === null || decibels > best.decibels + CAUTION_DB) best = {quantization, decibels};
  }
  return best;
}
