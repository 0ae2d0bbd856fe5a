import type {Accuracy} from '../../documents/accuracyBudget.ts';
import type {Plan} from '../../documents/plan.ts';
import type {ComposedAccuracy} from '../../documents/planPrecision.ts';
import type {NamedTensors, Tensor} from '../../documents/tensor.ts';
import {openSession, type Session} from '../../engine/session.ts';
import {extractSegments} from '../../model/extractSegments.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import type {EncodedSegments} from '../../quantize/boundary/encodeBoundary.ts';
import {judgeAccuracy, type Verdict} from '../../quantize/accuracy/judgeAccuracy.ts';
import type {ChosenBudget} from '../builds/chooseBudget.ts';
import {finiteDecibels} from '../builds/finiteDecibels.ts';
import {openJudge, type JudgedBuild} from '../builds/openJudge.ts';
import {encodeCut} from '../composeRelease.ts';
import type {DataSet} from '../openDataSet.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {writeSegment} from '../writeSegment.ts';
import {mkdir, link as linkFile} from 'node:fs/promises';
import {join} from 'node:path';

/** As the agent and the cloud open them: what was optimised before the cut must not be again. */
const OPTIMIZATION = 'disabled';

export interface JudgedPlan {
  readonly accuracy: ComposedAccuracy;
  readonly verdict: Verdict;
}

/** Holds plans against the model as it was compiled, by running what would be pushed on the same samples. */
export interface ComposedJudge {
  judge(plan: Pick<Plan, 'cut' | 'layers'>): Promise<JudgedPlan>;
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
    optimization: OPTIMIZATION,
    ...(metric === undefined ? {} : {metric}),
  });
  return {
    close: () => judge.close(),
    judge: plan =>
      project.withTemporaryFolder(async folder => {
        const {value, fidelity} = await judge.judge(folder, () =>
          openSegments(project, prepared, plan, folder, threads),
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

async function openSegments(
  project: OpenProject,
  prepared: PreparedModel,
  plan: Pick<Plan, 'cut' | 'layers'>,
  folder: string,
  threads: number,
): Promise<JudgedBuild> {
  const {graph} = prepared;
  const onDevice = new Set(plan.layers.filter(({tier}) => tier === 'device').map(({name}) => name));
  const headLayers = graph.layers.filter(({name}) => onDevice.has(name)).map(({index}) => index);
  const segments = encodeCut(plan, prepared, extractSegments(graph, new Set(headLayers)));
  const open = async (name: string, model: OnnxModel | null): Promise<Session | null> => {
    if (model === null) return null;
    const written = await writeSegment(project.store, name, model);
    const own = join(folder, name);
    await mkdir(own);
    for (const {path, digest} of written.files) await linkFile(project.store.pathOf(digest), join(own, path));
    return openSession({path: join(own, written.graph)}, {optimization: OPTIMIZATION, threads});
  };
  const head = await open('head', segments.head);
  const tail = await open('tail', segments.tail);
  return {
    run: feeds => runSegments(segments, head, tail, feeds, graph.outputs),
    close: async () => {
      await head?.close();
      await tail?.close();
    },
    decisions: [],
  };
}

async function runSegments(
  segments: EncodedSegments,
  head: Session | null,
  tail: Session | null,
  feeds: NamedTensors,
  outputs: readonly string[],
): Promise<NamedTensors> {
  const known: Record<string, Tensor> = {...feeds};
  const pick = (names: readonly string[]): NamedTensors =>
    Object.fromEntries(names.flatMap(name => (known[name] === undefined ? [] : [[name, known[name]]])));
  if (head !== null) Object.assign(known, (await head.run(pick(segments.headInputs))).outputs);
  if (tail !== null) Object.assign(known, (await tail.run(pick(segments.tailInputs))).outputs);
  return pick(outputs);
}
