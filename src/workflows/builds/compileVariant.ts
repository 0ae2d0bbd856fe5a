import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import {optimizeModel} from '../../engine/optimizeModel.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import {writeModel} from '../../model/onnx/writeModel.ts';
import {pruneOpsetImports} from '../../model/pruneOpsetImports.ts';
import type {CandidateBuild} from '../../targets/target.ts';
import type {Store} from '../../workspace/store.ts';
import {writeScratch} from '../../workspace/writeScratch.ts';
import {openModel} from '../openModel.ts';
import type {FloatModel} from '../prepareFloatModel.ts';
import {startSampleRunner} from '../sampleRuns/startSampleRunner.ts';
import type {CompiledCandidate, CompileJob} from './compileJob.ts';
import {candidatePruning, jobOfPruned} from './compilePruned.ts';
import {finiteDecibels} from './finiteDecibels.ts';
import {finiteOrNull} from './finiteOrNull.ts';
import {keepWithinBudget} from './keepWithinBudget.ts';
import {lowerCandidate, lowersNothing} from './lowerCandidate.ts';
import type {LoweredBuild, ReportStep} from './lowering.ts';
import type {CompileSamples} from './openCompileSamples.ts';
import {openAsOnTarget} from './openAsOnTarget.ts';
import type {Judge, Judgement} from './openJudge.ts';
import {pruningDecision, type PrunedFloat} from './pruneFloat.ts';

/** What all variants of a job are compiled from. */
export interface CompileParts {
  readonly job: CompileJob;
  readonly float: FloatModel;
  readonly samples: CompileSamples | null;
  readonly store: Store;
}

/** A candidate of the recipe, made from the whole float model or from a pruned one. */
export interface Variant {
  readonly candidate: CandidateBuild;
  readonly pruned: PrunedFloat | null;
  readonly name: string;
}

/**
 * Lowers, judges and stores it; layers stay in float where the accuracy budget needs that.
 * @returns `null` when the model has no layer that becomes lower
 */
export async function compileVariant(
  {job, float, samples, store}: CompileParts,
  {candidate, pruned, name}: Variant,
  judge: Judge,
  report: ReportStep,
): Promise<CompiledCandidate | null> {
  const {graph} = pruned ?? float;
  const lowering = await lowerCandidate(
    candidate,
    pruned === null ? job : jobOfPruned(job, pruned),
    graph,
    samples,
    report,
  );
  let fileCount = 0;
  const write = async ({model, standIn = model}: LoweredBuild): Promise<string> => {
    const path = join(job.temporaryFolder, `${name}-${(fileCount += 1)}.onnx`);
    await writeScratch(path, writeModel(standIn, {kind: 'inline'}).chunks);
    report('judge');
    return path;
  };
  const isFp32 = candidate.precision === 'fp32';
  if (!isFp32 && candidate.loweredBy === 'edgewise' && lowersNothing(lowering)) return null;
  const kept = await keepWithinBudget({
    lowering,
    budget: samples === null || (isFp32 && pruned === null) ? null : job.budget,
    judge,
    // A pruned build that needs layers in float is left for one that is pruned less.
    runner: samples === null || pruned !== null ? null : startSampleRunner(samples.learning, job),
    write,
    onRanked: layers => report('rank layers by the noise they bring', layers),
    ...openAsOnTarget(candidate.precision, job.saturates, job),
  });
  const finished = await optimised(job, candidate, kept.build);
  const {judgement} = kept;
  return {
    name,
    precision: candidate.precision,
    digest: await store.put(finished.chunks),
    sizeBytes: finished.sizeBytes,
    layers: finished.layers,
    recipe: [
      ...float.decisions,
      ...(pruned === null ? [] : [pruningDecision(pruned)]),
      {decision: candidate.name, reason: candidate.reason},
      ...lowering.decisions,
      ...judgement.decisions,
      ...(kept.keptLayers.length === 0
        ? []
        : [
            {
              decision: `${kept.keptLayers.length} layers kept in float: ${kept.keptLayers.join(', ')}`,
              reason: `the accuracy budget; found with ${kept.validations} validations`,
            },
          ]),
    ],
    floatLayers: kept.build.floatLayers.map(({layer, reason}) => ({layer, reason})),
    fidelity: fidelityOf(judgement),
    accuracy: samples === null ? null : finiteOrNull(judgement.value),
    isWithinBudget: kept.isWithinBudget,
    validations: kept.validations,
    pruning: pruned === null ? null : candidatePruning(candidate.name, pruned),
  };
}

/** The file as the recipe wants it: higher levels of the optimiser fuse what only ONNX Runtime reads. */
async function optimised(
  job: CompileJob,
  {name, optimisation}: CandidateBuild,
  {model}: LoweredBuild,
): Promise<{chunks: Iterable<Uint8Array>; sizeBytes: number; layers: number}> {
  if (optimisation === 'basic') {
    const written = writeModel(model, {kind: 'inline'});
    return {...written, layers: model.graph.nodes.length};
  }
  const [input, output] = [
    join(job.temporaryFolder, `${name}-in.onnx`),
    join(job.temporaryFolder, `${name}-out.onnx`),
  ];
  await writeScratch(input, writeModel(model, {kind: 'inline'}).chunks);
  await optimizeModel(input, output, optimisation);
  const opened = openModel(output);
  try {
    const pruned = pruneOpsetImports(opened.model);
    const bytes = [...writeModel(pruned, {kind: 'inline'}).chunks].map(chunk => new Uint8Array(chunk));
    const {size} = await stat(output);
    return {chunks: bytes, sizeBytes: size, layers: graphFromModel(pruned).layers.length};
  } finally {
    opened.close();
  }
}

function fidelityOf(judgement: Judgement): CompiledCandidate['fidelity'] {
  const {maxAbsoluteDifference, samples, outputs} = judgement.fidelity;
  return {
    maxAbsoluteDifference,
    samples,
    outputs: outputs.map(({name, sqnrDb}) => ({name, sqnrDb: finiteDecibels(sqnrDb)})),
  };
}
