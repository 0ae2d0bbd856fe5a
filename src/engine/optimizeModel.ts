import {movableBytes} from './movableBytes.ts';
import {requireReadableFile} from './session.ts';
import {withEngineWorker} from './workerCalls.ts';
import type {Optimization} from './workerMessages.ts';

/**
 * Writes the model as ONNX Runtime rewrites it at `level`. Files of `basic` and `extended` run on any processor; `all`
 * writes operators for this machine's only.
 * @param weightsFile name of a file beside the output for the weights, which one file of 2 GiB could not hold
 * @throws ExpectedError `no-such-file`, `model-rejected`, `unsupported-tensor-type`
 */
export async function optimizeModel(
  inputPath: string,
  outputPath: string,
  level: Optimization,
  weightsFile: string | null = null,
): Promise<void> {
  await requireReadableFile(inputPath);
  await withEngineWorker(inputPath, worker =>
    worker.call('optimize', {model: {path: inputPath}, outputPath, level, weightsFile}),
  );
}

/**
 * The same of a model in memory, which is moved to where it is read.
 * @param name for messages
 * @throws ExpectedError `model-rejected`, `unsupported-tensor-type`
 */
export async function optimizeBytes(
  bytes: Uint8Array,
  name: string,
  outputPath: string,
  level: Optimization,
): Promise<void> {
  const sent = movableBytes(bytes);
  await withEngineWorker(name, worker =>
    worker.call('optimize', {model: {bytes: sent}, outputPath, level, weightsFile: null}, [sent.buffer]),
  );
}
