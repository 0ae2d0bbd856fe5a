import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import type {DataSource} from '../../documents/dataSource.ts';
import {runStep, type EmitEvent} from '../../events.ts';
import {optimizeModel} from '../../engine/optimizeModel.ts';
import {readRuntimeVersion} from '../../engine/runtimeVersion.ts';
import type {Graph} from '../../model/graph.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import {layerCosts} from '../../model/layerCosts.ts';
import {writeModel} from '../../model/onnx/writeModel.ts';
import {pruneOpsetImports} from '../../model/pruneOpsetImports.ts';
import type {CandidateBuild} from '../../targets/target.ts';
import {openStore, type Store} from '../../workspace/store.ts';
import {writeAtomically} from '../../workspace/writeAtomically.ts';
import {openModel} from '../openModel.ts';
import {openDataSet} from '../openDataSet.ts';
import {prepareFloatModel, type FloatModel} from '../prepareFloatModel.ts';
import {classCountOf} from '../projectData.ts';
import {startSampleRunner} from '../startSampleRunner.ts';
import {variedSamples} from '../variedSamples.ts';
import {keyOfJob, readCompiled, writeCompiled} from './compileCache.ts';
import type {CompiledCandidate, CompiledModel, CompileJob} from './compileJob.ts';
import {candidatePruning, compilePruned, jobOfPruned, prunedName} from './compilePruned.ts';
import {finiteDecibels} from './finiteDecibels.ts';
import {floatLowering} from './floatLowering.ts';
import {keepWithinBudget} from './keepWithinBudget.ts';
import type {LoweredBuild, Lowering, LoweringContext, ReportStep} from './lowering.ts';
import {lowerStatically} from './lowerStatically.ts';
import {
  float16ByCompiler,
  lowerToFloat16,
  rangesForFloat16,
  withFloat16,
  type Ranges,
} from './lowerToFloat16.ts';
import {lowerWeights, opsetFor} from './lowerWeights.ts';
import type {CompileSamples} from './openCompileSamples.ts';
import {openAsOnTarget} from './openAsOnTarget.ts';
import {openJobSamples} from './openJobSamples.ts';
import {openJudge, type Judge, type Judgement} from './openJudge.ts';
import {pruneFloat, pruningDecision, type PrunedFloat} from './pruneFloat.ts';
import {removeDeadFromFloat} from './removeDeadFromFloat.ts';

/**
 * Builds every candidate of a recipe from one float model, each held to the accuracy budget on the same samples. The same
 * job comes from the cache.
 * @throws ExpectedError of reading models and data, `activation-not-finite`, `model-run-failed` …
 */
export async function compileCandidates(job: CompileJob, emit: EmitEvent): Promise<CompiledModel> {
  const float = await runStep(
    emit,
    'prepare',
    'prepare the float model',
    async () => removeDeadFromFloat(await prepareFloatModel({...job, ...opsetOf(job)})),
    ({graph}) => ({detail: `${graph.layers.length} layers`}),
  );
  try {
    const samples = await openJobSamples(job, float.inputs, classCountOf(float.outputs));
    try {
      const key = keyOfJob(job, float.modelDigest, samples === null ? null : await samples.digest());
      const store = openStore(job.storeFolder);
      const cached = await readCompiled(job.cacheFolder, key, store);
      if (cached !== null) {
        emit({
          kind: 'note',
          level: 'info',
          text: 'The same model, data and recipe: builds come from the cache.',
        });
        return cached;
      }
      const compiled = await compileWith({job, float, samples, store, emit});
      await writeCompiled(job.cacheFolder, key, compiled);
      return compiled;
    } finally {
      await samples?.close();
    }
  } finally {
    await float.close();
  }
}

/** Without data, outputs are compared on this many seeded random inputs. */
const RANDOM_SAMPLES = 8;

interface Parts {
  readonly job: CompileJob;
  readonly float: FloatModel;
  readonly samples: CompileSamples | null;
  readonly store: Store;
  readonly emit: EmitEvent;
}

async function compileWith(parts: Parts): Promise<CompiledModel> {
  const {job, float, samples} = parts;
  const judge = await openJudge({
    originalPath: float.path,
    samples: samples?.evaluation ?? (await openDataSet({random: {samples: RANDOM_SAMPLES}}, float.inputs)),
    threads: job.threads,
    ...(job.metric === null || samples === null ? {} : {metric: job.metric}),
  });
  try {
    const candidates: CompiledCandidate[] = [];
    const warnings = [...(samples?.warnings ?? [])];
    const compile = (
      candidate: CandidateBuild,
      pruned: PrunedFloat | null,
    ): Promise<CompiledCandidate | null> => {
      const name = pruned === null ? candidate.name : prunedName(candidate.name, pruned);
      return runStep(
        parts.emit,
        `build ${name}`,
        `build ${name}`,
        progress =>
          compileCandidate(parts, {candidate, pruned, name}, judge, (detail, layers) =>
            progress(
              layers === undefined
                ? {detail}
                : {detail, doneCount: layers.done, totalCount: layers.all, counted: 'layers'},
            ),
          ),
        one => ({detail: one === null ? 'no layer for it' : summaryOf(one, judge)}),
      );
    };
    const floats = samples === null ? null : await pruneFloat({...parts, samples, judge});
    for (const candidate of suitedCandidates(job, float)) {
      const made = await compile(candidate, null);
      if (made === null)
        warnings.push(`There is no ${candidate.name} build: this model has no layer for it.`);
      else candidates.push(...(await compilePruned(floats, made, pruned => compile(candidate, pruned))));
    }
    return {
      modelDigest: float.modelDigest,
      originalSizeBytes: float.originalSizeBytes,
      runtimeVersion: readRuntimeVersion(),
      candidates,
      calibration:
        samples === null || job.data === null
          ? null
          : {
              source: sourceText(job.data.calibration),
              digest: await samples.learning.digest(),
              samples: samples.calibrationRequests * samples.learning.rowsPerRequest,
              heldOut: samples.heldOutRequests * samples.learning.rowsPerRequest,
              isRandom: samples.isRandom,
            },
      judged:
        samples === null
          ? null
          : {
              metric: judge.metricName,
              isHigherBetter: judge.isHigherBetter,
              original: finiteOr(judge.originalValue),
              samples: samples.evaluation.sampleCount,
            },
      pruningEnded: floats?.endedBecause ?? null,
      pruningLeftOut: [...(floats?.leftOut ?? [])],
      warnings,
    };
  } finally {
    await judge.close();
  }
}

/** A candidate of the recipe, made from the whole float model or from a pruned one. */
interface Variant {
  readonly candidate: CandidateBuild;
  readonly pruned: PrunedFloat | null;
  readonly name: string;
}

/** @returns `null` when the model has no layer that becomes lower */
async function compileCandidate(
  {job, float, samples, store}: Parts,
  {candidate, pruned, name}: Variant,
  judge: Judge,
  report: ReportStep,
): Promise<CompiledCandidate | null> {
  const {graph} = pruned ?? float;
  const lowering = await lowerTo(
    candidate,
    pruned === null ? job : jobOfPruned(job, pruned),
    graph,
    samples,
    report,
  );
  let fileCount = 0;
  const write = async ({model, standIn = model}: LoweredBuild): Promise<string> => {
    const path = join(job.temporaryFolder, `${name}-${(fileCount += 1)}.onnx`);
    await writeAtomically(path, writeModel(standIn, {kind: 'inline'}).chunks);
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
    accuracy: samples === null ? null : finiteOr(judgement.value),
    isWithinBudget: kept.isWithinBudget,
    validations: kept.validations,
    pruning: pruned === null ? null : candidatePruning(candidate.name, pruned),
  };
}

async function lowerTo(
  candidate: CandidateBuild,
  job: CompileJob,
  graph: Graph,
  samples: CompileSamples | null,
  report: ReportStep,
): Promise<Lowering> {
  const {precision, scheme, loweredBy, floatType} = candidate;
  if (precision === 'fp32') return floatLowering(graph);
  const runner = samples === null ? null : startSampleRunner(samples.learning, job);
  const calibrationRequests = samples?.calibrationRequests ?? 0;
  const ranges = (): Promise<Ranges> => {
    if (runner === null) return Promise.resolve(new Map());
    report('measure ranges');
    return rangesForFloat16(graph, runner, calibrationRequests);
  };
  if (loweredBy === 'compiler') {
    if (precision === 'fp16') return float16ByCompiler(graph, await ranges());
    return floatLowering(graph, [
      {
        decision: 'judged in float32',
        reason: "the target's compiler quantises by itself, on the calibration samples",
      },
    ]);
  }
  if (precision === 'fp16') return lowerToFloat16(graph, await ranges());
  if (scheme !== null && samples !== null) {
    const context: LoweringContext = {
      graph,
      runner: startSampleRunner(variedSamples(samples.learning, calibrationRequests), job),
      calibrationRequests,
      distinctRequests: samples.learning.requestCount,
      mode: 'fused',
      without: job.without,
      seed: job.seed,
      report,
    };
    const quantised = await lowerStatically(context, scheme);
    return floatType === 'float16' ? withFloat16(quantised, await ranges()) : quantised;
  }
  const lowered = lowerWeights(graph, candidate);
  if (lowered === null) throw new Error(`no way to ${precision} without calibration data`);
  return lowered;
}

/** Blocks of weights in standard operators need a newer opset than the rest. */
function opsetOf({candidates}: CompileJob): {opset?: number} {
  const opset = opsetFor(candidates);
  return opset === null ? {} : {opset};
}

/** Nothing but float32, as before. */
function lowersNothing(lowering: Lowering): boolean {
  const {nodes, initializers} = lowering.build(new Set()).model.graph;
  const {graph} = lowering.graph.model;
  const types = new Set(graph.initializers.map(({elementTypeCode}) => elementTypeCode));
  return (
    nodes.length === graph.nodes.length &&
    initializers.every(({elementTypeCode}) => types.has(elementTypeCode))
  );
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
  await writeAtomically(input, writeModel(model, {kind: 'inline'}).chunks);
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

/** Candidates for products of matrices are tried where these are most of the work. */
function suitedCandidates(
  {candidates, isRecipe}: CompileJob,
  {graph}: FloatModel,
): readonly CandidateBuild[] {
  if (!isRecipe) return candidates;
  const {layers, totals} = layerCosts(graph);
  const products = graph.layers
    .filter(({operator}) => operator === 'MatMul' || operator === 'Gemm')
    .reduce((sum, {index}) => sum + (layers[index]?.multiplyAdds ?? 0), 0);
  const isOfProducts = products > totals.multiplyAdds / 2;
  return candidates.filter(({suits}) => suits === 'every-model' || isOfProducts);
}

function fidelityOf(judgement: Judgement): CompiledCandidate['fidelity'] {
  const {maxAbsoluteDifference, samples, outputs} = judgement.fidelity;
  return {
    maxAbsoluteDifference,
    samples,
    outputs: outputs.map(({name, sqnrDb}) => ({name, sqnrDb: finiteDecibels(sqnrDb)})),
  };
}

/** Documents have finite numbers only. */
function finiteOr(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function summaryOf({sizeBytes, accuracy}: CompiledCandidate, judge: Judge): string {
  const size = `${(sizeBytes / 1e6).toFixed(2)} MB`;
  if (accuracy === null) return size;
  const accuracyText = `${size}, ${judge.metricName} ${accuracy.toFixed(4)}`;
  // Against itself the original has no noise.
  if (!Number.isFinite(judge.originalValue)) return accuracyText;
  return `${accuracyText} (original ${judge.originalValue.toFixed(4)})`;
}

function sourceText(source: DataSource): string {
  if (typeof source === 'string') return source;
  if (source.random !== undefined) return 'random';
  return source.path ?? Object.keys(source.inputs ?? {}).join(', ');
}
