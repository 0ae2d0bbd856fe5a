import {Worker} from 'node:worker_threads';
import {EXIT, ExpectedError} from '../errors.ts';
import type {
  FailureKind,
  WorkerOperation,
  WorkerReplies,
  WorkerReplyMessage,
  WorkerRequests,
  WorkerStart,
} from './workerMessages.ts';

/** A thread with ONNX Runtime in it: running and loading block a thread, so never the main one. */
export interface WorkerThread {
  /** `subject`: what errors are about, a file usually. */
  call<K extends WorkerOperation>(
    subject: string,
    operation: K,
    request: WorkerRequests[K],
    transfer?: readonly ArrayBuffer[],
  ): Promise<WorkerReplies[K]>;
  isBusy(): boolean;
  hasEnded(): boolean;
  /** Calls that are under way fail with `session-closed`, at once. The thread ends when it is done with the native one. */
  end(): Promise<void>;
}

interface Waiting {
  readonly subject: string;
  readonly resolve: (reply: never) => void;
  readonly reject: (error: Error) => void;
}

/** The worker lies beside this file in every form: .ts from source, .js in dist, .mjs in the bundle. */
function findWorkerFile(): URL {
  const extension = /\.[a-z]+$/.exec(new URL(import.meta.url).pathname)?.[0] ?? '.js';
  return new URL(`./sessionWorker${extension}`, import.meta.url);
}

/**
 * ONNX Runtime for Linux reports models and runs to its maker over the network unless this is set before it starts, and
 * leaves files in the temporary and cache folders. A worker's environment is a copy that native code does not see, so
 * it must be set here. Whoever wants the reports sets the variable to 0.
 */
function keepTelemetryOff(): void {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
}

export function startWorkerThread(): WorkerThread {
  keepTelemetryOff();
  // Flags of the caller's own, --input-type say, would keep the worker's file from being run.
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const worker = new Worker(findWorkerFile(), {execArgv: [], workerData: {stop} satisfies WorkerStart});
  const waiting = new Map<number, Waiting>();
  let unanswered = 0;
  let whenAnswered: (() => void) | null = null;
  let nextId = 1;
  let endedWith: ((subject: string) => Error) | null = null;

  const endWith = (errorAbout: (subject: string) => Error) => {
    endedWith ??= errorAbout;
    for (const {subject, reject} of waiting.values()) reject(endedWith(subject));
    waiting.clear();
    worker.unref();
  };
  // An idle session must not keep a finished program alive; one with work under way must.
  worker.unref();
  worker.on('message', (message: WorkerReplyMessage) => {
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    unanswered -= 1;
    if (unanswered === 0) worker.unref();
    if (unanswered === 0) whenAnswered?.();
    if (call === undefined) return;
    if ('reply' in message) call.resolve(message.reply as never);
    else call.reject(errorFromFailure(message.failure, call.subject));
  });
  worker.on('error', (error: Error) =>
    endWith(
      subject =>
        new ExpectedError(
          'engine-stopped',
          `The engine running ${subject} stopped: ${error.message}.`,
          EXIT.commandFailed,
          {cause: error},
        ),
    ),
  );
  worker.on('exit', () => {
    endWith(closedError);
    unanswered = 0;
    whenAnswered?.();
  });

  return {
    call(subject, operation, request, transfer = []) {
      if (endedWith !== null) return Promise.reject(endedWith(subject));
      const id = nextId++;
      return new Promise((resolve, reject) => {
        worker.postMessage({id, operation, request}, transfer);
        waiting.set(id, {subject, resolve, reject});
        if (unanswered === 0) worker.ref();
        unanswered += 1;
      });
    },
    isBusy: () => waiting.size > 0,
    hasEnded: () => endedWith !== null,
    async end() {
      endWith(closedError);
      Atomics.store(stop, 0, 1);
      worker.ref();
      // A thread that is ended inside of the native library takes the whole process with it: the binding throws, and
      // nobody can catch it.
      if (unanswered > 0) await new Promise<void>(resolve => (whenAnswered = resolve));
      await worker.terminate();
    },
  };
}

export function closedError(subject: string): ExpectedError {
  return new ExpectedError('session-closed', `The session of ${subject} was closed.`, EXIT.commandFailed);
}

function errorFromFailure(
  failure: {readonly kind: FailureKind; readonly message: string; readonly code?: string},
  subject: string,
): Error {
  const cause = new Error(failure.message);
  switch (failure.kind) {
    case 'runtime-missing':
      return new ExpectedError(
        'runtime-missing',
        `ONNX Runtime could not be loaded: ${failure.message}`,
        EXIT.commandFailed,
        {
          hints: ['Reinstall with ONNXRUNTIME_NODE_INSTALL=skip npm install'],
          cause,
        },
      );
    case 'unsupported-type':
      return new ExpectedError(
        'unsupported-tensor-type',
        `${subject}: ${failure.message}`,
        EXIT.unsupported,
        {cause},
      );
    case 'wrong-input':
      return new ExpectedError(failure.code ?? 'wrong-input-type', failure.message, EXIT.usage, {cause});
    case 'load':
      return new ExpectedError(
        'model-rejected',
        `ONNX Runtime rejected ${subject}: ${failure.message}`,
        EXIT.unsupported,
        {cause},
      );
    case 'run':
      return new ExpectedError(
        'model-run-failed',
        `ONNX Runtime failed while running ${subject}: ${failure.message}`,
        EXIT.commandFailed,
        {
          cause,
        },
      );
  }
}
