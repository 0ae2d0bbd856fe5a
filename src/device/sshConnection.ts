import type {Client} from 'ssh2';
import {messageOf, type ExpectedError} from '../errors.ts';
import {unreachableError} from './deviceErrors.ts';

/** A verified and authenticated connection that knows when it is lost. */
export class SshConnection {
  readonly client: Client;
  readonly where: string;
  readonly #waiting = new Set<(error: ExpectedError) => void>();
  #lost: ExpectedError | undefined;
  #lastError: Error | undefined;

  constructor(client: Client, where: string) {
    this.client = client;
    this.where = where;
    // Each tunnel listens for the end as well.
    client.setMaxListeners(0);
    client.on('error', error => {
      this.#lastError = error;
    });
    client.on('close', () => {
      const reason = this.#lastError === undefined ? '' : ` (${this.#lastError.message})`;
      this.#lost = unreachableError(
        where,
        `was reached, but the connection was lost${reason}`,
        this.#lastError,
      );
      for (const reject of this.#waiting) reject(this.#lost);
      this.#waiting.clear();
    });
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /**
   * Something asked of the connection. ssh2 forgets its callbacks when the connection dies, so every wait ends with it.
   */
  ask<T>(start: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#lost);
        return;
      }
      this.#waiting.add(reject);
      const forget = () => this.#waiting.delete(reject);
      try {
        start(
          value => {
            forget();
            resolve(value);
          },
          error => {
            forget();
            reject(error);
          },
        );
      } catch (error) {
        forget();
        // "Not connected": the socket is gone but its close has not been told yet.
        reject(
          unreachableError(
            this.where,
            `was reached, but the connection was lost (${messageOf(error)})`,
            error,
          ),
        );
      }
    });
  }

  async end(): Promise<void> {
    if (this.#lost !== undefined) return;
    const closed = new Promise<void>(resolve => this.client.once('close', () => resolve()));
    this.client.end();
    const timer = setTimeout(() => this.client.destroy(), 2000);
    await closed;
    clearTimeout(timer);
  }
}
