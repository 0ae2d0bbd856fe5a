import type {TensorSpec} from '../../documents/tensor.ts';
import {resolveFrom} from '../../workspace/projectFolder.ts';
import type {CompileJob} from './compileJob.ts';
import {openCompileSamples, type CompileSamples} from './openCompileSamples.ts';

/** The job's data in their parts; `null` when it has none. @throws ExpectedError as openCompileSamples */
export async function openJobSamples(
  {data, seed}: CompileJob,
  inputs: readonly TensorSpec[],
  classCount: number | null,
): Promise<CompileSamples | null> {
  if (data === null) return null;
  const {calibration, evaluation, preprocessing, baseFolder, calibrationSamples} = data;
  return openCompileSamples(
    {
      calibration,
      ...(evaluation === null ? {} : {evaluation}),
      ...(preprocessing === null ? {} : {preprocessing}),
      resolve: path => resolveFrom(baseFolder, path),
      classCount,
      seed,
      calibrationSamples,
    },
    inputs,
  );
}
