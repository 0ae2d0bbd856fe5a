import {availableParallelism} from 'node:os';
import type {PixelValues} from '../../documents/boundary.ts';
import type {ChosenBudget} from '../builds/chooseBudget.ts';
import {openCompileSamples} from '../builds/openCompileSamples.ts';
import type {DataSet} from '../openDataSet.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {classCountOf, openEvaluationData} from '../projectData.ts';
import {splitSamples} from '../splitSamples.ts';
import {specsOf} from '../writeSegment.ts';
import {startBoundaryRanges, type BoundaryRanges} from './boundaryRanges.ts';
import {measurePackedSizes, type PackedSizes} from './packedSizes.ts';
import {openComposedJudge, type ComposedJudge} from './judgeComposed.ts';

/** Enough for half a point to be seen, few enough that a plan does not take minutes. */
const MOST_SAMPLES = 2000;
const CALIBRATION_SAMPLES = 256;

/** What choosing a precision needs of the project's data; opened when it is first asked for. */
export interface PrecisionData {
  /** `null`: the project has no calibration data. */
  ranges(): Promise<BoundaryRanges | null>;
  /** `null`: the project has no data to hold anything against. */
  judge(): Promise<ComposedJudge | null>;
  /** What packing makes of tensors; `null`: there are no samples to learn it from, or only made-up ones. */
  packedSizes(pixels: ReadonlyMap<string, PixelValues>): Promise<PackedSizes | null>;
  close(): Promise<void>;
}

interface OpenedData {
  readonly calibration: DataSet | null;
  readonly evaluation: DataSet | null;
  close(): Promise<void>;
}

export function startPrecisionData(
  project: OpenProject,
  prepared: PreparedModel,
  budget: ChosenBudget,
): PrecisionData {
  const threads = availableParallelism();
  let opened: Promise<OpenedData> | null = null;
  let ranges: BoundaryRanges | null = null;
  let judge: ComposedJudge | null = null;
  let packed: Promise<PackedSizes> | null = null;
  const open = (): Promise<OpenedData> => (opened ??= openData(project, prepared));
  return {
    async ranges() {
      const {calibration} = await open();
      if (calibration !== null) ranges ??= startBoundaryRanges(project, prepared, calibration);
      return ranges;
    },
    async judge() {
      const {evaluation} = await open();
      if (evaluation !== null)
        judge ??= await openComposedJudge(project, prepared, evaluation, budget, threads);
      return judge;
    },
    async packedSizes(pixels) {
      const {calibration, evaluation} = await open();
      const samples = calibration ?? evaluation;
      if (samples === null || samples.isRandom) return null;
      packed ??= measurePackedSizes(project, prepared, samples, pixels, ['as-is', 'fp16', 'int8', 'pixels']);
      return packed;
    },
    async close() {
      await judge?.close();
      await (await opened)?.close();
    },
  };
}

async function openData(project: OpenProject, prepared: PreparedModel): Promise<OpenedData> {
  const {calibration, evaluation, preprocessing} = project.project;
  const outputs = specsOf(prepared.graph.outputs, prepared.types);
  const classCount = classCountOf(outputs);
  if (calibration === undefined) {
    const set = await openEvaluationData(project, prepared.inputs, classCount);
    return {
      calibration: null,
      evaluation: set === null ? null : fewer(set),
      close: async () => set?.close(),
    };
  }
  const samples = await openCompileSamples(
    {
      calibration,
      ...(evaluation === undefined ? {} : {evaluation}),
      ...(preprocessing === undefined ? {} : {preprocessing}),
      resolve: path => project.resolve(path),
      classCount,
      seed: 0,
      calibrationSamples: CALIBRATION_SAMPLES,
    },
    prepared.inputs,
  );
  return {
    calibration: samples.learning,
    evaluation: fewer(samples.evaluation),
    close: () => samples.close(),
  };
}

/** Of many samples some, of every class its share. */
function fewer(set: DataSet): DataSet {
  if (set.sampleCount <= MOST_SAMPLES) return set;
  const {labels, sampleCount} = set;
  return set.subset(
    splitSamples(sampleCount, {calibration: MOST_SAMPLES, heldOut: 0, seed: 0, labels}).calibration,
  );
}
