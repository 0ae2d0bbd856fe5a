import {setTimeout as sleep} from 'node:timers/promises';
import {ExpectedError} from '../../errors.ts';
import type {EmitEvent} from '../../events.ts';

/** Each goes on where the one before was cut off. */
const MAX_RETRIES = 10;
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 10_000;

/**
 * Tries again when a connection that had been made was lost: what has arrived is not sent again. A device that cannot be
 * reached in the first place has its own, shorter retries.
 */
export async function retryWhenLost<T>(
  emit: EmitEvent,
  work: (onConnected: () => void) => Promise<T>,
): Promise<T> {
  let pauseMs = FIRST_PAUSE_MS;
  for (let retry = 1; ; retry++) {
    let hasConnected = false;
    try {
      return await work(() => {
        hasConnected = true;
      });
    } catch (error) {
      const isLost = hasConnected && error instanceof ExpectedError && error.code === 'device-unreachable';
      if (!isLost || retry > MAX_RETRIES) throw error;
      emit({
        kind: 'note',
        level: 'warning',
        text: `${error.message} Trying again (${retry} of ${MAX_RETRIES}).`,
      });
      // Many devices behind one link must not all come back at once.
      await sleep(pauseMs * (0.5 + Math.random()));
      pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS);
    }
  }
}
