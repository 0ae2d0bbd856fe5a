/** Runs attempts one after the other; those asked for while one is under way are one more together, not one each. */
export function startAttemptQueue(attempt: () => Promise<void>): {
  ask(): Promise<void>;
  /** Lets the one under way finish and does no more. */
  close(): Promise<void>;
} {
  let last: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | null = null;
  let isClosed = false;
  return {
    ask() {
      waiting ??= last = last.then(() => {
        waiting = null;
        return isClosed ? undefined : attempt();
      });
      return waiting;
    },
    async close() {
      isClosed = true;
      await last;
    },
  };
}
