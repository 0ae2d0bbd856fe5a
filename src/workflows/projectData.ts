import {dataSourceFromText, type DataSource} from '../documents/dataSource.ts';
import type {TensorSpec} from '../documents/tensor.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {openDataSet, type DataSet} from './openDataSet.ts';
import type {OpenProject} from './openProject.ts';

type ProjectOfData = Pick<OpenProject, 'file' | 'resolve'> & {
  readonly project: Pick<OpenProject['project'], 'calibration' | 'evaluation' | 'preprocessing'>;
};

/**
 * Calibration data: what `--data` names (from the current folder), else what the project declares.
 * @throws ExpectedError `no-calibration-data` (exit 2), and what openDataSet throws
 */
export async function openCalibrationData(
  project: ProjectOfData,
  inputs: readonly TensorSpec[],
  flag: string | undefined,
): Promise<DataSet> {
  const {calibration, preprocessing} = project.project;
  if (flag !== undefined) return openDataSet(dataSourceFromText(flag), inputs, {preprocessing});
  if (calibration !== undefined) return openOf(project, calibration, inputs, null);
  throw new ExpectedError(
    'no-calibration-data',
    `${project.file} declares no calibration data, and none are given.`,
    EXIT.usage,
    {hints: ['edgewise compile --data FOLDER', 'Or set calibration: FOLDER in edgewise.yaml.']},
  );
}

/** Evaluation data; `null` when the project declares none. @throws what openDataSet throws */
export async function openEvaluationData(
  project: ProjectOfData,
  inputs: readonly TensorSpec[],
  classCount: number | null = null,
): Promise<DataSet | null> {
  const {evaluation} = project.project;
  return evaluation === undefined ? null : openOf(project, evaluation, inputs, classCount);
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

function openOf(
  project: ProjectOfData,
  source: DataSource,
  inputs: readonly TensorSpec[],
  classCount: number | null,
): Promise<DataSet> {
  const {preprocessing} = project.project;
  return openDataSet(source, inputs, {preprocessing, resolve: path => project.resolve(path), classCount});
}
