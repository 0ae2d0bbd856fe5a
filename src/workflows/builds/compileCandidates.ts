import type {DataSource} from '../../documents/dataSource.ts';
import {runStep, type EmitEvent} from '../../events.ts';
import {readRuntimeVersion} from '../../engine/runtimeVersion.ts';
import type {CandidateBuild} from '../../targets/target.ts';
import {openStore} from '../../workspace/store.ts';
import {openDataSet} from '../openDataSet.ts';
import {prepareFloatModel} from '../prepareFloatModel.ts';
import {classCountOf} from '../projectData.ts';
import {keyOfJob, readCompiled, writeCompiled} from './compileCache.ts';
import type {CompiledCandidate, CompiledModel, CompileJob} from './compileJob.ts';
import {compilePruned, prunedName} from './compilePruned.ts';
import {compileVariant, type CompileParts} from './compileVariant.ts';
import {finiteOrNull} from './finiteOrNull.ts';
import {opsetFor} from './lowerWeights.ts';
import {openJobSamples} from './openJobSamples.ts';
import {openJudge, type Judge} from './openJudge.ts';
import {pruneFloat, type PrunedFloat} from './pruneFloat.ts';
import {removeDeadFromFloat} from './removeDeadFromFloat.ts';
import {suitedCandidates} from './suitedCandidates.ts';

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

interface Parts extends CompileParts {
  readonly emit: EmitEvent;
}

async function compileWith(parts: Parts): Promise<CompiledModel> {
  const {job, float, samples} = parts;
  const judge = await openJudge({
    originalPath: await float.file(),
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
          compileVariant(parts, {candidate, pruned, name}, judge, (detail, layers) =>
            progress(
              layers === undefined
                ? {detail}
                : {
                    detail,
                    doneCount: layers.done,
                    totalCount: layers.all,
                    counted: layers.counted ?? 'layers',
                  },
            ),
          ),
        one => ({detail: one === null ? 'no layer for it' : summaryOf(one, judge)}),
      );
    };
    const floats = samples === null ? null : await pruneFloat({...parts, samples, judge});
    for (const candidate of suitedCandidates(job.candidates, float.graph)) {
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
              original: finiteOrNull(judge.originalValue),
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

/** Blocks of weights in standard operators need a newer opset than the rest. */
function opsetOf({candidates}: CompileJob): {opset?: number} {
  const opset = opsetFor(candidates);
  return opset === null ? {} : {opset};
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
