import type {Duplex, Readable, Writable} from 'node:stream';
import type {SFTPWrapper} from 'ssh2';
import {messageOf, type ExpectedError} from '../errors.ts';
import {unreachableError} from './deviceErrors.ts';
import type {Forwarding} from './machine.ts';

/** One command on the other side. */
export interface CommandChannel {
  /** For input in parts; `end` does for input that is there as a whole. */
  readonly stdin: Writable;
  readonly stderr: Readable;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  /** Only where the connection tells exit statuses. */
  on(event: 'exit', listener: (status: number | null, signal?: string) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'close', listener: (status?: number | null, signal?: string | null) => void): unknown;
  resume(): unknown;
  end(input?: Buffer): unknown;
  close(): void;
}

export type Opened<T> = (error: Error | undefined, channel: T) => void;

/** A verified and authenticated connection that knows when it is lost. */
export abstract class SshConnection {
  readonly where: string;
  /** Where it does not, the command itself has to say how it ended. */
  abstract readonly tellsExitStatus: boolean;
  readonly #waiting = new Set<(error: ExpectedError) => void>();
  readonly #listeners = new Set<() => void>();
  #lost: ExpectedError | undefined;

  constructor(where: string) {
    this.where = where;
  }

  /** Hands `command` to the login shell. An error that says "Channel open failure" means that no session is left. */
  abstract execute(command: string, opened: Opened<CommandChannel>): void;

  /** An error that speaks of a subsystem means that there is no SFTP server. */
  abstract openSftp(opened: Opened<SFTPWrapper>): void;

  /** A TCP connection made by the other side. */
  abstract forward(host: string, port: number): Promise<Duplex>;

  /** Whether the other side makes such connections at all, which it may do although nobody listens there. */
  abstract askForwarding(host: string, port: number): Promise<Forwarding>;

  abstract end(): Promise<void>;

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Calls `listener` when the connection ends, for whatever reason; what comes back takes it off again. */
  whenLost(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Something asked of the connection. Callbacks are forgotten when a connection dies, so every wait ends with it.
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

  protected lose(cause: Error | undefined): void {
    const reason = cause === undefined ? '' : ` (${cause.message})`;
    this.#lost = unreachableError(this.where, `was reached, but the connection was lost${reason}`, cause);
    for (const reject of this.#waiting) reject(this.#lost);
    this.#waiting.clear();
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}
