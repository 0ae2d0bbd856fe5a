import {setTimeout as sleep} from 'node:timers/promises';
import {ExpectedError} from '../../errors.ts';
import type {EmitEvent} from '../../events.ts';

/** Each goes on where the one before was cut off. */
const DEFAULT_RETRIES = 10;
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 10_000;
/** A link that was lost is waited for this long in all, without any connection in between. */
const PATIENCE_MS = 120_000;
/** The device takes a switch back by itself that nobody could confirm: then it begins anew. */
const LOST = new Set(['device-unreachable', 'switch-unconfirmed']);

/**
 * Tries again when a connection that had been made was lost: what has arrived is not sent again. A device that could never be
 * reached has its own, shorter retries; one that could is waited for.
 */
export async function retryWhenLost<T>(
  emit: EmitEvent,
  work: (onConnected: () => void) => Promise<T>,
  {retries = DEFAULT_RETRIES}: {readonly retries?: number | undefined} = {},
): Promise<T> {
  let pauseMs = FIRST_PAUSE_MS;
  let lastSeenMs: number | null = null;
  for (let retry = 1; ; retry++) {
    try {
      return await work(() => {
        lastSeenMs = Infinity;
      });
    } catch (error) {
      if (lastSeenMs === Infinity) lastSeenMs = performance.now();
      const isLost = lastSeenMs !== null && error instanceof ExpectedError && LOST.has(error.code);
      const isPatient = lastSeenMs !== null && performance.now() - lastSeenMs < PATIENCE_MS;
      if (!isLost || !isPatient || retry > retries) throw error;
      emit({
        kind: 'note',
        level: 'warning',
        text: `${error.message} Trying again (${retry} of ${retries}).`,
      });
      // Many devices behind one link must not all come back at once.
      await sleep(pauseMs * (0.5 + Math.random()));
      pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS);
    }
  }
}
