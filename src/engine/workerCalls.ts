import {closedError, startWorkerThread, type WorkerThread} from './workerThread.ts';
import type {WorkerOperation, WorkerReplies, WorkerRequests} from './workerMessages.ts';

/** A thread with ONNX Runtime in it for one piece of work, a session's life say. */
export interface EngineWorker {
  call<K extends WorkerOperation>(
    operation: K,
    request: WorkerRequests[K],
    transfer?: readonly ArrayBuffer[],
  ): Promise<WorkerReplies[K]>;
  /** Calls that are under way fail with `session-closed`. */
  close(): Promise<void>;
}

/**
 * The last thread that became free waits this long for more work. Starting one and loading the runtime into it takes 65 ms
 * (AMD EPYC, November 2026), longer than quantising a small model; one that stayed for ever would hold memory.
 */
const IDLE_MS = 1000;

interface IdleThread {
  readonly thread: WorkerThread;
  readonly timer: NodeJS.Timeout;
}

let idle: IdleThread | null = null;

export function startEngineWorker(subject: string): EngineWorker {
  const thread = takeIdleThread() ?? startWorkerThread();
  let isClosed = false;
  return {
    call(operation, request, transfer) {
      if (isClosed) return Promise.reject(closedError(subject));
      return thread.call(subject, operation, request, transfer);
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      if (thread.isBusy() || thread.hasEnded()) return thread.end();
      await thread.call(subject, 'release', null);
      await keepIdle(thread);
    },
  };
}

/** Takes a worker for one piece of work. */
export async function withEngineWorker<T>(
  subject: string,
  work: (worker: EngineWorker) => Promise<T>,
): Promise<T> {
  const worker = startEngineWorker(subject);
  try {
    return await work(worker);
  } finally {
    await worker.close();
  }
}

function takeIdleThread(): WorkerThread | null {
  if (idle === null) return null;
  const {thread, timer} = idle;
  idle = null;
  clearTimeout(timer);
  return thread.hasEnded() ? null : thread;
}

async function keepIdle(thread: WorkerThread): Promise<void> {
  if (idle !== null) return thread.end();
  const timer = setTimeout(() => void takeIdleThread()?.end(), IDLE_MS);
  timer.unref();
  idle = {thread, timer};
}
