import {isMainThread, parentPort, Worker, workerData} from 'node:worker_threads';
import {EXIT, ExpectedError, type ExitCode} from '../errors.ts';
import type {EdgewiseEvent, EmitEvent} from '../events.ts';

type Message =
  | {readonly event: EdgewiseEvent}
  | {readonly result: unknown}
  | {
      readonly failure: {
        readonly code: string | null;
        readonly message: string;
        readonly stack: string | undefined;
        readonly exitCode: ExitCode;
        readonly hints: readonly string[];
      };
    };

/**
 * Runs a job in a thread of its own, so that hours of arithmetic leave the terminal alive. `module` is a file that calls
 * `serveWorkerJob`. Job and result are copied; events are handed on as they come.
 * @throws what the job throws; ExpectedError `engine-stopped` when the thread ends without an answer
 */
export async function runInWorker<Job, Result>(module: URL, job: Job, emit: EmitEvent): Promise<Result> {
  const worker = new Worker(module, {workerData: job, execArgv: []});
  try {
    return await new Promise<Result>((resolve, reject) => {
      worker.on('message', (message: Message) => {
        if ('event' in message) emit(message.event);
        else if ('result' in message) resolve(message.result as Result);
        else reject(errorFromFailure(message.failure));
      });
      worker.on('error', reject);
      worker.on('exit', code =>
        reject(
          new ExpectedError(
            'engine-stopped',
            `The thread that was to do the work ended with ${code} before it had an answer.`,
            EXIT.commandFailed,
          ),
        ),
      );
    });
  } finally {
    await worker.terminate();
  }
}

/** To be called at the top level of a worker's module: does the job it was started with and posts the answer. */
export function serveWorkerJob<Job, Result>(work: (job: Job, emit: EmitEvent) => Promise<Result>): void {
  if (isMainThread) return;
  const post = (message: Message): void => parentPort?.postMessage(message);
  work(workerData as Job, event => post({event})).then(
    result => post({result}),
    (error: unknown) => post({failure: failureFrom(error)}),
  );
}

function failureFrom(error: unknown): Extract<Message, {failure: unknown}>['failure'] {
  const isExpected = error instanceof ExpectedError;
  return {
    code: isExpected ? error.code : null,
    message: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? error.stack : undefined,
    exitCode: isExpected ? error.exitCode : EXIT.bug,
    hints: isExpected ? error.hints : [],
  };
}

function errorFromFailure(failure: Extract<Message, {failure: unknown}>['failure']): Error {
  const {code, message, stack, exitCode, hints} = failure;
  if (code !== null) return new ExpectedError(code, message, exitCode, {hints});
  const bug = new Error(message);
  if (stack !== undefined) bug.stack = stack;
  return bug;
}
