import type {Accuracy} from '../../documents/accuracyBudget.ts';
import type {ComposedAccuracy} from '../../documents/planPrecision.ts';
import {judgeAccuracy, type Verdict} from '../../quantize/accuracy/judgeAccuracy.ts';
import type {ChosenBudget} from '../builds/chooseBudget.ts';
import {finiteDecibels} from '../builds/finiteDecibels.ts';
import {openJudge} from '../builds/openJudge.ts';
import type {DataSet} from '../openDataSet.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {COMPOSED_OPTIMIZATION, openComposed, type ComposedPlan} from './openComposed.ts';

export interface JudgedPlan {
  readonly accuracy: ComposedAccuracy;
  readonly verdict: Verdict;
}

/** Holds plans against the model as it was compiled, by running what would be pushed on the same samples. */
export interface ComposedJudge {
  judge(plan: ComposedPlan): Promise<JudgedPlan>;
  close(): Promise<void>;
}

/** @throws ExpectedError `labels-missing`, `labels-mismatch`, `metric-command-failed` … */
export async function openComposedJudge(
  project: OpenProject,
  prepared: PreparedModel,
  samples: DataSet,
  budget: ChosenBudget,
  threads: number,
): Promise<ComposedJudge> {
  const metric = pipelineMetric(project.project.accuracy);
  const judge = await openJudge({
    originalPath: project.store.pathOf(prepared.digest),
    samples,
    threads,
    optimization: COMPOSED_OPTIMIZATION,
    ...(metric === undefined ? {} : {metric}),
  });
  return {
    close: () => judge.close(),
    judge: plan =>
      project.withTemporaryFolder(async folder => {
        const {value, fidelity} = await judge.judge(folder, () =>
          openComposed(project, prepared, plan, folder, threads),
        );
        const {originalValue: original, isHigherBetter, metricName} = judge;
        const verdict = judgeAccuracy(budget.limit, {original, value, isHigherBetter});
        const finite = (number: number): number | null => (Number.isFinite(number) ? number : null);
        return {
          verdict,
          accuracy: {
            metric: metricName,
            original: finite(original),
            composed: finite(value),
            drop: finite(verdict.drop),
            samples: samples.sampleCount,
            budget: budget.text,
            isRandom: samples.isRandom,
            maxAbsoluteDifference: fidelity.maxAbsoluteDifference,
            outputs: fidelity.outputs.map(({name, sqnrDb}) => ({name, sqnrDb: finiteDecibels(sqnrDb)})),
          },
        };
      }),
  };
}

/** A user's command judges a model file, and there is none of a pipeline: then it is held against the original's answers. */
function pipelineMetric(accuracy: Accuracy | undefined): Exclude<Accuracy['metric'], object> {
  const metric = accuracy?.metric;
  return typeof metric === 'object' ? 'cosine' : metric;
}
