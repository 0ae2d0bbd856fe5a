import type {TensorSpec} from '../documents/tensor.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {openDataSet, type DataSet} from './openDataSet.ts';
import type {OpenProject} from './openProject.ts';

type ProjectOfData = Pick<OpenProject, 'file' | 'resolve'> & {
  readonly project: Pick<OpenProject['project'], 'evaluation' | 'preprocessing'>;
};

/** Evaluation data; `null` when the project declares none. @throws what openDataSet throws */
export async function openEvaluationData(
  project: ProjectOfData,
  inputs: readonly TensorSpec[],
  classCount: number | null = null,
): Promise<DataSet | null> {
  const {evaluation, preprocessing} = project.project;
  if (evaluation === undefined) return null;
  const resolve = (path: string): string => project.resolve(path);
  return openDataSet(evaluation, inputs, {preprocessing, resolve, classCount});
}

/** @throws ExpectedError `evaluation-missing` (exit 2) when the project declares none, and what openDataSet throws */
export async function requireEvaluationData(
  project: ProjectOfData,
  inputs: readonly TensorSpec[],
  classCount: number | null = null,
): Promise<DataSet> {
  const evaluation = await openEvaluationData(project, inputs, classCount);
  if (evaluation !== null) return evaluation;
  throw new ExpectedError('evaluation-missing', `${project.file} declares no evaluation set.`, EXIT.usage, {
    hints: ['edgewise infer DEVICE --input FILE.npy'],
  });
}

/** How many classes a model's first output scores: [batch, classes], other axes of size 1 aside. `null` for anything else. */
export function classCountOf(outputs: readonly TensorSpec[]): number | null {
  const shape = outputs[0]?.shape.slice(1).filter(size => size !== 1) ?? [];
  return shape.length === 1 ? (shape[0] ?? null) : null;
}
