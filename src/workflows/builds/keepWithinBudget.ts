import type {AccuracyBudget} from '../../documents/accuracyBudget.ts';
import {controlAccuracy} from '../../quantize/accuracy/controlAccuracy.ts';
import {judgeAccuracy} from '../../quantize/accuracy/judgeAccuracy.ts';
import type {DoneLayers} from '../../quantize/correction/improveQuantization.ts';
import type {SampleRunner} from '../../quantize/sampleRunner.ts';
import type {Judge, Judgement, OpenBuild} from './openJudge.ts';
import type {LoweredBuild, Lowering} from './lowering.ts';
import {rankLayersToKeep} from './rankLayersToKeep.ts';

export interface KeptWithinBudget {
  readonly build: LoweredBuild;
  readonly judgement: Judgement;
  readonly isWithinBudget: boolean;
  readonly keptLayers: readonly string[];
  /** Full validations that were spent. */
  readonly validations: number;
}

export interface BudgetTask {
  readonly lowering: Lowering;
  readonly budget: AccuracyBudget | null;
  readonly judge: Judge;
  /** Needed with a budget only: the sensitivity of layers is measured with it. */
  readonly runner: SampleRunner | null;
  /** Writes a model to where the judge can open it. */
  readonly write: (build: LoweredBuild) => Promise<string>;
  /** How the judge is to run builds; as on this machine when left out. */
  readonly openBuild?: OpenBuild;
  /** While layers are ranked one by one. */
  readonly onRanked?: (layers: DoneLayers) => void;
}

/**
 * Builds with everything lowered, and with as few of the most sensitive layers kept in float as the budget needs when
 * that is not enough. Without a budget the first build is taken as it is. When the budget would take all layers, the
 * best of what was tried with any of them lowered is the answer, marked as outside.
 */
export async function keepWithinBudget(task: BudgetTask): Promise<KeptWithinBudget> {
  const {lowering, budget, judge, write} = task;
  const isMet = (value: number): boolean =>
    budget === null
      ? !Number.isNaN(value)
      : judgeAccuracy(budget, {original: judge.originalValue, value, isHigherBetter: judge.isHigherBetter})
          .isMet;
  const judged = async (keptLayers: readonly string[]) => {
    const build = lowering.build(new Set(keptLayers));
    const judgement = await judge.judge(await write(build), task.openBuild);
    return {build, judgement, keptLayers, isWithinBudget: build.isFloat !== true && isMet(judgement.value)};
  };

  const first = await judged([]);
  if (first.isWithinBudget) return {...first, validations: 1};
  if (budget === null || task.runner === null) return {...first, validations: 1};
  const tried = new Map([['', first]]);
  const ranked = await rankLayersToKeep(lowering, task.runner, first.build, task.onRanked);
  const {chosen, validations} = await controlAccuracy({
    ranked,
    async validate(keptLayers) {
      const key = keptLayers.join('\n');
      const made = tried.get(key) ?? (await judged(keptLayers));
      tried.set(key, made);
      return {value: made.judgement.value, isMet: made.isWithinBudget};
    },
    allKept: {value: judge.originalValue, isMet: isMet(judge.originalValue)},
  });
  const best = chosen === null ? undefined : tried.get(chosen.keptLayers.join('\n'));
  const lowered = [...tried.values()].filter(({build}) => build.isFloat !== true);
  return {
    ...(best ?? closest(lowered.length === 0 ? [first] : lowered, judge)),
    validations: validations.length,
  };
}

function closest<T extends {readonly judgement: Judgement}>(all: readonly T[], {isHigherBetter}: Judge): T {
  const valueOf = ({judgement: {value}}: T): number => {
    if (Number.isNaN(value)) return -Infinity;
    return isHigherBetter ? value : -value;
  };
  return all.reduce((best, one) => (valueOf(one) > valueOf(best) ? one : best));
}
