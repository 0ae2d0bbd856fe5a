import type {Build} from '../documents/build.ts';
import {yamlFromDocument} from '../documents/printDocument.ts';
import {writeHeader} from '../documents/writeHeader.ts';
import {runStep, type EmitEvent} from '../events.ts';
import {readOwnVersion} from '../workspace/ownVersion.ts';
import {writeDocument} from '../workspace/projectFolder.ts';
import {openJudge} from './builds/openJudge.ts';
import {openDataSet, type DataSet} from './openDataSet.ts';
import type {OpenProject} from './openProject.ts';
import {withPreparedModel, type PreparedModel} from './prepareModel.ts';
import {openEvaluationData} from './projectData.ts';

/** fp32 that runs unchanged on every processor: what plans are made of, and what needs no data. */
const PORTABLE_TARGET = 'portable';

/** Without an evaluation set, outputs are compared on this many seeded random inputs. */
const RANDOM_SAMPLES = 8;

export interface MadeBuild {
  readonly file: string;
  readonly build: Build;
}

/**
 * Compiles the model and holds the build against the original on the evaluation set (on random inputs without one):
 * largest difference of any output, and accuracy where there are labels. Writes the build document.
 */
export async function compilePortable(project: OpenProject, emit: EmitEvent): Promise<MadeBuild> {
  return withPreparedModel(project, emit, async prepared => {
    const compared = await runStep(
      emit,
      'compare',
      'compare with the original model',
      progress => compareWithOriginal(project, prepared, progress),
      ({fidelity}) => ({
        detail: `largest difference ${fidelity.maxAbsoluteDifference.toExponential(1)} over ${fidelity.samples} samples`,
      }),
    );
    const build: Build = {
      ...writeHeader('build', {
        version: readOwnVersion(),
        now: new Date(),
        madeFrom: {model: prepared.modelDigest},
      }),
      target: PORTABLE_TARGET,
      precision: 'fp32',
      model: {name: prepared.name, digest: prepared.modelDigest},
      artefact: {
        digest: prepared.digest,
        sizeBytes: prepared.sizeBytes,
        layers: prepared.graph.layers.length,
      },
      recipe: prepared.recipe.map(step => ({...step})),
      runtime: {onnxruntime: prepared.runtimeVersion},
      ...compared,
    };
    const file = project.buildFile(PORTABLE_TARGET);
    await writeDocument(file, yamlFromDocument('build', build));
    return {file, build};
  });
}

type Comparison = Pick<Build, 'fidelity'> & Partial<Pick<Build, 'accuracy' | 'warnings'>>;

async function compareWithOriginal(
  project: OpenProject,
  prepared: PreparedModel,
  progress: (detail: {doneCount: number; totalCount: number}) => void,
): Promise<Comparison> {
  const samples = await samplesOf(project, prepared);
  let doneCount = 0;
  try {
    const judge = await openJudge({
      originalPath: project.modelFile,
      samples,
      threads: 1,
      // What this level of the runtime does is what a split of the build will do, to the bit.
      optimization: 'disabled',
      // The original's answers first, then the build's.
      onSample: () => progress({doneCount: (doneCount += 1), totalCount: 2 * samples.requestCount}),
    });
    try {
      const {value, fidelity} = await judge.judge(project.store.pathOf(prepared.digest));
      const {maxAbsoluteDifference, samples: count} = fidelity;
      return {
        fidelity: {maxAbsoluteDifference, samples: count},
        ...(samples.notes.length === 0 ? {} : {warnings: [...samples.notes]}),
        ...(samples.labels === null
          ? {}
          : {
              accuracy: {
                metric: judge.metricName,
                original: judge.originalValue,
                build: value,
                samples: count,
              },
            }),
      };
    } finally {
      await judge.close();
    }
  } finally {
    await samples.close();
  }
}

async function samplesOf(project: OpenProject, prepared: PreparedModel): Promise<DataSet> {
  const evaluation = await openEvaluationData(project, prepared.inputs);
  return evaluation ?? openDataSet({random: {samples: RANDOM_SAMPLES}}, prepared.inputs);
}
