import {setTimeout as sleep} from 'node:timers/promises';
import {ExpectedError} from '../errors.ts';
import {settleWithin} from './deadline.ts';
import {unreachableError} from './deviceErrors.ts';
import type {SshConnection} from './sshConnection.ts';

const CHANNEL_ATTEMPTS = 5;

/**
 * Opens a channel, again after a pause where the server has no session left: MaxSessions counts those of all programs
 * on the connection, and nothing has run yet. `undefined` when time is up first; a channel that comes late is handed
 * to `discard`.
 */
export async function openChannel<T>(
  connection: SshConnection,
  timeoutMs: number,
  open: (callback: (error: Error | undefined, channel: T) => void) => void,
  discard: (channel: T) => void,
): Promise<T | undefined> {
  const endsAt = performance.now() + timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const opening = connection.ask<T>((resolve, reject) =>
        open((error, channel) => {
          if (error) reject(error);
          else resolve(channel);
        }),
      );
      const channel = await settleWithin(Math.max(1, endsAt - performance.now()), opening);
      if (channel === undefined) opening.then(discard, () => {});
      return channel;
    } catch (error) {
      if (error instanceof ExpectedError || !isOutOfSessions(error)) throw error;
      if (attempt >= CHANNEL_ATTEMPTS) {
        throw unreachableError(connection.where, 'opens no further session', error, [
          'Raise MaxSessions in the sshd_config of the device',
        ]);
      }
      await sleep(100 * 2 ** attempt * (0.5 + Math.random()));
    }
  }
}

function isOutOfSessions(error: unknown): boolean {
  return error instanceof Error && /Channel open failure/.test(error.message);
}
