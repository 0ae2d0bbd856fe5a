import {setTimeout as sleep} from 'node:timers/promises';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Whatever cannot be cleaned up by then is left to leases and deadlines: nobody waits five seconds for a Ctrl-C. */
const CLEANING_MS = 4000;

type CleanUp = () => Promise<void>;

/** One listener a signal, however many devices are worked on. */
const cleanUps = new Set<CleanUp>();
let isEnding = false;

/**
 * Runs `work`; when the user interrupts it, `cleanUp` is run first and the signal then takes its course, so that the
 * exit status still tells of it. From then on nothing settles: what fails because it was cleaned up is no failure to tell.
 */
export async function whenInterrupted<T>(cleanUp: CleanUp, work: () => Promise<T>): Promise<T> {
  if (isEnding) return neverSettle();
  if (cleanUps.size === 0) for (const signal of SIGNALS) process.on(signal, end);
  cleanUps.add(cleanUp);
  try {
    return await work();
  } finally {
    if (isEnding) await neverSettle();
    cleanUps.delete(cleanUp);
    if (cleanUps.size === 0) stopListening();
  }
}

/** Also when it comes twice, as it does from a terminal by way of npm: once is enough. */
function end(signal: NodeJS.Signals): void {
  if (isEnding) return;
  isEnding = true;
  const cleaned = Promise.allSettled([...cleanUps].map(cleanUp => cleanUp()));
  void Promise.race([cleaned, sleep(CLEANING_MS)]).then(() => {
    stopListening();
    process.kill(process.pid, signal);
  });
}

function stopListening(): void {
  for (const signal of SIGNALS) process.off(signal, end);
}

function neverSettle(): Promise<never> {
  return new Promise(() => {});
}
