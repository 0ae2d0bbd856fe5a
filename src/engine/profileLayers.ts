import type {NamedTensors} from '../documents/tensor.ts';
import {copyTensors, requireReadableFile} from './session.ts';
import {withEngineWorker} from './workerCalls.ts';

export interface LayerTimes {
  /** Each unprofiled run of the whole model, in order. */
  readonly wholeRunMs: readonly number[];
  /** Kernel times, scaled so that they sum to the median whole run; names are the file's node names. */
  readonly layers: readonly {readonly name: string; readonly operator: string; readonly ms: number}[];
}

export interface ProfileLayersOptions {
  readonly runs: number;
  readonly warmUps: number;
  readonly threads: number;
}

/**
 * Times a file that is already optimised, as it is: at level `disabled`.
 * @throws ExpectedError `no-such-file`, `model-rejected`, `model-run-failed`
 */
export async function profileLayers(
  modelPath: string,
  feeds: NamedTensors,
  {runs, warmUps, threads}: ProfileLayersOptions,
): Promise<LayerTimes> {
  if (!(runs >= 1)) throw new RangeError(`runs must be at least 1, not ${runs}`);
  await requireReadableFile(modelPath);
  const {pairs, buffers} = copyTensors(Object.entries(feeds));
  return withEngineWorker(modelPath, worker =>
    worker.call('profile', {path: modelPath, feeds: pairs, runs, warmUps, threads}, buffers),
  );
}
