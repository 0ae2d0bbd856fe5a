import type {Build} from '../documents/build.ts';
import {yamlFromDocument} from '../documents/printDocument.ts';
import {writeHeader} from '../documents/writeHeader.ts';
import type {NamedTensors, Tensor} from '../documents/tensor.ts';
import {openSession, type Session} from '../engine/session.ts';
import {runStep, type EmitEvent} from '../events.ts';
import {readOwnVersion} from '../workspace/ownVersion.ts';
import {writeDocument} from '../workspace/projectFolder.ts';
import {openDataSet, type DataSet} from './openDataSet.ts';
import {openProject, type OpenProject} from './openProject.ts';
import {withPreparedModel, type PreparedModel} from './prepareModel.ts';
import {openEvaluationData} from './projectData.ts';
import {countTopOne} from './topOne.ts';

/** The one target there is until precision is chosen per hardware: runs unchanged on every processor. */
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
export async function compile(projectPath: string, emit: EmitEvent): Promise<MadeBuild> {
  const project = await openProject(projectPath);
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

type Comparison = Pick<Build, 'fidelity'> & Partial<Pick<Build, 'accuracy'>>;

async function compareWithOriginal(
  project: OpenProject,
  prepared: PreparedModel,
  progress: (detail: {doneCount: number; totalCount: number}) => void,
): Promise<Comparison> {
  const options = {optimization: 'disabled', threads: 1} as const;
  const samples = await samplesOf(project, prepared);
  const original = await openSession({path: project.modelFile}, options);
  const build = await openSession({path: project.store.pathOf(prepared.digest)}, options);
  const answers: Record<'original' | 'build', Tensor[]> = {original: [], build: []};
  let maxAbsoluteDifference = 0;
  try {
    for (let index = 0; index < samples.requestCount; index++) {
      const feeds = await samples.readRequest(index);
      const [one, other] = [await runBoth(original, feeds), await runBoth(build, feeds)];
      for (const [name, tensor] of Object.entries(one)) {
        maxAbsoluteDifference = Math.max(maxAbsoluteDifference, largestDifference(tensor, other[name]));
      }
      const [first] = Object.keys(one);
      if (first !== undefined && one[first] !== undefined && other[first] !== undefined) {
        answers.original.push(one[first]);
        answers.build.push(other[first]);
      }
      progress({doneCount: index + 1, totalCount: samples.requestCount});
    }
  } finally {
    await original.close();
    await build.close();
    await samples.close();
  }
  const accuracy = accuracyOf(samples.labels, answers);
  return {
    fidelity: {maxAbsoluteDifference, samples: samples.sampleCount},
    ...(accuracy === null ? {} : {accuracy}),
  };
}

async function runBoth(session: Session, feeds: NamedTensors): Promise<NamedTensors> {
  return (await session.run(feeds)).outputs;
}

async function samplesOf(project: OpenProject, prepared: PreparedModel): Promise<DataSet> {
  const evaluation = await openEvaluationData(project, prepared.inputs);
  return evaluation ?? openDataSet({random: {samples: RANDOM_SAMPLES}}, prepared.inputs);
}

/** Elementwise over float32; 0 or infinity for other types, by whether the bytes are equal. */
export function largestDifference(one: Tensor, other: Tensor | undefined): number {
  if (other === undefined || other.bytes.byteLength !== one.bytes.byteLength) return Infinity;
  if (one.elementType !== 'float32') return Buffer.compare(one.bytes, other.bytes) === 0 ? 0 : Infinity;
  const a = new Float32Array(new Uint8Array(one.bytes).buffer);
  const b = new Float32Array(new Uint8Array(other.bytes).buffer);
  let largest = 0;
  for (let index = 0; index < a.length; index++) {
    const difference = Math.abs((a[index] ?? 0) - (b[index] ?? 0));
    // Two NaNs agree; one NaN is a difference that no tolerance covers.
    if (Number.isNaN(difference)) {
      if (Number.isNaN(a[index]) !== Number.isNaN(b[index])) return Infinity;
    } else largest = Math.max(largest, difference);
  }
  return largest;
}

function accuracyOf(
  labels: readonly number[] | null,
  answers: Record<'original' | 'build', Tensor[]>,
): Build['accuracy'] | null {
  const shape = answers.original[0]?.shape;
  if (labels === null || shape === undefined) return null;
  const samples = labels.length;
  const topOne = (parts: Tensor[]): number =>
    countTopOne(
      {
        elementType: parts[0]?.elementType ?? 'float32',
        shape: [samples, ...shape.slice(1)],
        bytes: Buffer.concat(parts.map(({bytes}) => bytes)),
      },
      labels,
    ) / samples;
  return {metric: 'top-1', original: topOne(answers.original), build: topOne(answers.build), samples};
}
