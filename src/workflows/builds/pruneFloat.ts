import {join} from 'node:path';
import {runStep, type EmitEvent} from '../../events.ts';
import type {Graph} from '../../model/graph.ts';
import {writeModel} from '../../model/onnx/writeModel.ts';
import {judgeAccuracy} from '../../quantize/accuracy/judgeAccuracy.ts';
import type {CalibrationSamples} from '../../quantize/pruning/inputStatistics.ts';
import type {Decision} from '../../quantize/precision/loweredModel.ts';
import type {TooWideGroup} from '../../quantize/pruning/orderGroups.ts';
import {proposePruning, type PrunedGroup} from '../../quantize/pruning/proposePruning.ts';
import {sparsifyTwoOfFour} from '../../quantize/pruning/sparsifyTwoOfFour.ts';
import {writeScratch} from '../../workspace/writeScratch.ts';
import type {FloatModel} from '../prepareFloatModel.ts';
import {startSampleRunner} from '../sampleRuns/startSampleRunner.ts';
import type {CompileJob} from './compileJob.ts';
import type {CompileSamples} from './openCompileSamples.ts';
import type {Judge} from './openJudge.ts';

/** A float model with fewer weights to multiply by. */
export interface PrunedFloat {
  readonly graph: Graph;
  /** Of the multiply-adds that are gone. */
  readonly savedShare: number;
  readonly groups: readonly PrunedGroup[];
  /** Layers of whose weights two in four are 0. */
  readonly sparseLayers: readonly string[];
}

export interface PrunedFloats {
  /** Channels removed, each within the accuracy budget; rising in what they save. */
  readonly proposals: readonly PrunedFloat[];
  /** Why none saves more. */
  readonly endedBecause: string;
  /** Channels that were not looked at. */
  readonly leftOut: readonly Decision[];
  /** `null` when the target has no use for it, or no layer can. */
  readonly sparse: PrunedFloat | null;
}

export interface PruneTask {
  readonly job: CompileJob;
  readonly float: FloatModel;
  readonly samples: CompileSamples;
  readonly judge: Judge;
  readonly emit: EmitEvent;
}

/**
 * Of the multiply-adds. Less than a tenth gives no speed (VainF/Torch-Pruning, benchmarks of ResNet-50: 46.5 to 43.9 ms
 * for the first tenth of the channels, 20.7 for half); hardly a model bears more than the last without training.
 */
const SHARES: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];

/** Prunes more and more until the accuracy budget no longer holds; `null` when it was not asked for. */
export async function pruneFloat(task: PruneTask): Promise<PrunedFloats | null> {
  const {job, float, samples, emit} = task;
  const {pruning} = job;
  if (pruning === null) return null;
  const calibration: CalibrationSamples = {
    runner: startSampleRunner(samples.learning, job),
    from: 0,
    to: samples.calibrationRequests,
  };
  const channels = await runStep(
    emit,
    'prune',
    'prune channels',
    progress => proposeWithinBudget(task, calibration, pruning.multipleOf, detail => progress({detail})),
    ({proposals, endedBecause}) => ({
      detail: `${percent(proposals.at(-1)?.savedShare ?? 0)} of the multiply-adds; ${endedBecause}`,
    }),
  );
  if (!pruning.isTwoOfFour) return {...channels, sparse: null};
  const {graph, sparseLayers} = await runStep(
    emit,
    'sparsify',
    'set two in four weights to 0',
    progress =>
      sparsifyTwoOfFour(float.graph, calibration, (done, all) =>
        progress({detail: `${done} of ${all} layers`}),
      ),
    made => ({detail: `${made.sparseLayers.length} layers`}),
  );
  return {
    ...channels,
    sparse: sparseLayers.length === 0 ? null : {graph, savedShare: 0, groups: [], sparseLayers},
  };
}

async function proposeWithinBudget(
  {job, float, judge}: PruneTask,
  calibration: CalibrationSamples,
  multipleOf: number,
  report: (detail: string) => void,
): Promise<Omit<PrunedFloats, 'sparse'>> {
  const proposals: PrunedFloat[] = [];
  let leftOut: Decision[] = [];
  const path = join(job.temporaryFolder, 'pruned.onnx');
  const {metricName, originalValue: original, isHigherBetter} = judge;
  for await (const {graph, savedShare, groups} of proposePruning(float.graph, calibration, {
    shares: SHARES,
    multipleOf,
    onTooWide: groups => (leftOut = groups.map(tooWideDecision)),
    onProgress: ({stage, done, all}) => report(`${stage}, ${done} of ${all}`),
  })) {
    report('judge');
    await writeScratch(path, writeModel(graph.model, {kind: 'inline'}).chunks);
    const {value} = await judge.judge(path);
    if (job.budget === null || !judgeAccuracy(job.budget, {original, value, isHigherBetter}).isMet)
      return {
        proposals,
        leftOut,
        endedBecause:
          `without ${percent(savedShare)} of the multiply-adds ${metricName} is ${value.toFixed(4)}` +
          // Against itself the original has no noise.
          (Number.isFinite(original) ? `, of the original ${original.toFixed(4)}` : ''),
      };
    proposals.push({graph, savedShare, groups, sparseLayers: []});
  }
  return {
    proposals,
    leftOut,
    endedBecause: `no ${proposals.length === 0 ? '' : 'more '}channels can go in multiples of ${multipleOf}`,
  };
}

/** What was pruned, as a decision of a build made from it. */
export function pruningDecision({savedShare, groups, sparseLayers}: PrunedFloat): Decision {
  if (sparseLayers.length > 0)
    return {
      decision: `two in four weights of ${sparseLayers.length} layers are 0: ${sparseLayers.join(', ')}`,
      reason:
        'sparse tensor cores leave them out; the other weights make up for them on the calibration samples',
    };
  const removed = groups.map(
    ({layers, channels, removed: count}) => `${count} of ${channels} of ${layers.join('+')}`,
  );
  return {
    decision: `prune ${percent(savedShare)} of the multiply-adds, channels: ${removed.join('; ')}`,
    reason: 'least missed by the layers behind them, which were fitted again on the calibration samples',
  };
}

function tooWideDecision({makers, reader, inputs}: TooWideGroup): Decision {
  return {
    decision: `all channels of ${makers.join('+')} kept`,
    reason: `${reader} reads ${inputs} inputs at a time, too many to find out which it misses least`,
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
