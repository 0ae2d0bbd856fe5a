import {access, constants} from 'node:fs/promises';
import type {NamedTensors, Tensor} from '../documents/tensor.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {checkFeeds} from './checkFeeds.ts';
import type {SignatureTensor} from './signature.ts';
import {movableBytes} from './movableBytes.ts';
import {startEngineWorker} from './workerCalls.ts';
import type {ModelSource, SessionOptions, TensorPairs} from './workerMessages.ts';

export interface RunOptions {
  /**
   * True lets the run take the feeds' memory: their ArrayBuffers are moved to the worker and are empty afterwards.
   * Default false: the feeds are copied and stay usable.
   */
  readonly canTakeFeeds?: boolean;
}

export interface RunResult {
  readonly outputs: NamedTensors;
  /** The native run alone, by the worker's clock. */
  readonly computeMs: number;
}

export interface Session {
  readonly inputs: readonly SignatureTensor[];
  readonly outputs: readonly SignatureTensor[];
  /** Of ONNX Runtime. */
  readonly runtimeVersion: string;
  /**
   * Runs are queued and done in the order of the calls.
   * @throws ExpectedError `wrong-input-name`, `wrong-input-type`, `wrong-input-shape`, `model-run-failed`, `session-closed`
   */
  run(feeds: NamedTensors, options?: RunOptions): Promise<RunResult>;
  /**
   * Several runs, one after the other, in one message to the worker: one of a small model takes less than a message.
   * Without an answer to any when one fails.
   * @throws as run
   */
  runEach(feeds: readonly NamedTensors[], options?: RunOptions): Promise<readonly RunResult[]>;
  /** Ends the worker; runs that are still waiting fail with `session-closed`. */
  close(): Promise<void>;
}

/**
 * Loads a model into a worker thread of its own. A model given as bytes is copied, unless they may be taken.
 * @throws ExpectedError `no-such-file`, `model-rejected`, `unsupported-tensor-type`, `runtime-missing`
 */
export async function openSession(model: ModelSource, options: SessionOptions): Promise<Session> {
  const subject = describeModel(model);
  if ('path' in model) await requireReadableFile(model.path);
  const worker = startEngineWorker(subject);
  try {
    const {inputs, outputs, version} =
      'path' in model
        ? await worker.call('open', {model: {path: model.path}, options})
        : await openFromBytes(worker, model, options);
    const runEach: Session['runEach'] = async (feeds, {canTakeFeeds = false} = {}) => {
      const runs = feeds.map(one => checkFeeds(inputs, one));
      const moved = runs.map(canTakeFeeds ? movableTensors : copyTensors);
      const buffers = [...new Set(moved.flatMap(one => one.buffers))];
      const replies = await worker.call('run', {runs: moved.map(({pairs}) => pairs)}, buffers);
      return replies.map(({outputs, computeMs}) => ({outputs: namedTensorsFromPairs(outputs), computeMs}));
    };
    return {
      inputs,
      outputs,
      runtimeVersion: version,
      runEach,
      async run(feeds, options) {
        const [result] = await runEach([feeds], options);
        return result as RunResult;
      },
      close: () => worker.close(),
    };
  } catch (error) {
    await worker.close();
    throw error;
  }
}

/** Loads, runs once and closes. */
export async function runOnce(
  model: ModelSource,
  feeds: NamedTensors,
  options: SessionOptions = {optimization: 'disabled', threads: 1},
): Promise<RunResult> {
  const session = await openSession(model, options);
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

export function describeModel(model: ModelSource): string {
  return 'path' in model ? model.path : `a model of ${model.bytes.byteLength} bytes`;
}

/** @throws ExpectedError `no-such-file` */
export async function requireReadableFile(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (error) {
    throw new ExpectedError('no-such-file', `There is no readable file ${path}.`, EXIT.usage, {cause: error});
  }
}

function openFromBytes(
  worker: ReturnType<typeof startEngineWorker>,
  {bytes, canTakeBytes = false}: Extract<ModelSource, {bytes: Uint8Array}>,
  options: SessionOptions,
) {
  const sent = canTakeBytes ? movableBytes(bytes) : new Uint8Array(bytes);
  return worker.call('open', {model: {bytes: sent}, options}, [sent.buffer]);
}

/** Copies, so that the caller keeps its memory: a posted view would drag its whole underlying buffer along. */
export function copyTensors(pairs: TensorPairs): {pairs: TensorPairs; buffers: ArrayBuffer[]} {
  const copies = pairs.map(
    ([name, tensor]) => [name, {...tensor, bytes: new Uint8Array(tensor.bytes)}] as const,
  );
  return {pairs: copies, buffers: copies.map(([, tensor]) => tensor.bytes.buffer)};
}

function movableTensors(pairs: TensorPairs): {pairs: TensorPairs; buffers: ArrayBuffer[]} {
  const buffers = new Set<ArrayBuffer>();
  for (const [, tensor] of pairs) {
    const buffer = tensor.bytes.buffer;
    if (buffer instanceof ArrayBuffer && !isPooled(tensor)) buffers.add(buffer);
    else return copyTensors(pairs);
  }
  return {pairs, buffers: [...buffers]};
}

/** Small Buffers share Node's pool, which must not be moved. */
function isPooled(tensor: Tensor): boolean {
  return Buffer.isBuffer(tensor.bytes) && tensor.bytes.buffer.byteLength === Buffer.poolSize;
}

function namedTensorsFromPairs(pairs: readonly (readonly [string, Tensor])[]): NamedTensors {
  return Object.fromEntries(pairs);
}
