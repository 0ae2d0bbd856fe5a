const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work`; when the user interrupts it, `cleanUp` is run first and the signal then takes its course, so that the
 * exit status still tells of it. `cleanUp` must end by itself within seconds.
 */
export async function whenInterrupted<T>(cleanUp: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  const listeners = SIGNALS.map(signal => {
    const listen = (): void => {
      void cleanUp().finally(() => {
        process.off(signal, listen);
        process.kill(process.pid, signal);
      });
    };
    process.on(signal, listen);
    return {signal, listen};
  });
  try {
    return await work();
  } finally {
    for (const {signal, listen} of listeners) process.off(signal, listen);
  }
}
