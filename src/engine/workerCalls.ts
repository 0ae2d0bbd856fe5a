import {availableParallelism} from 'node:os';
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
 * Threads that became free wait this long for more work. Starting one and loading the runtime into it takes 65 ms (AMD
 * EPYC, November 2026), longer than quantising a small model; one that stayed for ever would hold memory.
 */
const IDLE_MS = 1000;

/** As many as are used at a time: one for each processor. */
const MAX_IDLE = availableParallelism();

interface IdleThread {
  readonly thread: WorkerThread;
  readonly timer: NodeJS.Timeout;
}

const idle = new Set<IdleThread>();

export function startEngineWorker(subject: string): EngineWorker {
  const thread = takeIdleThread() ?? startWorkerThread();
  let isClosed = false;
  let hasOpened = false;
  return {
    call(operation, request, transfer) {
      if (isClosed) return Promise.reject(closedError(subject));
      hasOpened ||= operation === 'open';
      return thread.call(subject, operation, request, transfer);
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      if (thread.isBusy() || thread.hasEnded()) return thread.end();
      if (hasOpened) await thread.call(subject, 'release', null);
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
  for (const waiting of idle) {
    idle.delete(waiting);
    clearTimeout(waiting.timer);
    if (!waiting.thread.hasEnded()) return waiting.thread;
  }
  return null;
}

async function keepIdle(thread: WorkerThread): Promise<void> {
  if (idle.size >= MAX_IDLE) return thread.end();
  const timer = setTimeout(() => {
    idle.delete(waiting);
    void thread.end();
  }, IDLE_MS);
  timer.unref();
  const waiting = {thread, timer};
  idle.add(waiting);
}
