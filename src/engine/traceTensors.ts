import type {ElementType} from '../documents/elementTypes.ts';
import type {NamedTensors} from '../documents/tensor.ts';
import {copyTensors, requireReadableFile} from './session.ts';
import {withEngineWorker} from './workerCalls.ts';

export interface TracedTensor {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
}

/**
 * Element type and shape of every output of a model whose tensors have all been made outputs, from one real run at
 * level `disabled`. 4-bit tensors and sequences are left out of the answer.
 * @throws ExpectedError `no-such-file`, `model-rejected`, `unsupported-tensor-type`, `model-run-failed`
 */
export async function traceTensors(
  modelPath: string,
  feeds: NamedTensors,
): Promise<Map<string, TracedTensor>> {
  await requireReadableFile(modelPath);
  const {pairs, buffers} = copyTensors(Object.entries(feeds));
  return new Map(
    await withEngineWorker(modelPath, worker =>
      worker.call('trace', {path: modelPath, feeds: pairs}, buffers),
    ),
  );
}
