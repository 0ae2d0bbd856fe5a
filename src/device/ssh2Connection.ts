import {Socket} from 'node:net';
import type {Duplex} from 'node:stream';
import type {Client, SFTPWrapper} from 'ssh2';
import {ExpectedError, messageOf} from '../errors.ts';
import type {Forwarding} from './machine.ts';
import {SshConnection, type CommandChannel, type Opened} from './sshConnection.ts';

/** A host that has not hung up by then is hung up on. */
const LAST_ANSWER_MS = 2000;

/** The transport that comes with edgewise: SSH in JavaScript. */
export class Ssh2Connection extends SshConnection {
  readonly tellsExitStatus = true;
  readonly #client: Client;
  readonly #stream: Duplex;

  /** `stream` is what the client speaks over. */
  constructor(client: Client, stream: Duplex, where: string) {
    super(where);
    this.#client = client;
    this.#stream = stream;
    let lastError: Error | undefined;
    client.on('error', error => {
      lastError = error;
    });
    client.on('close', () => this.lose(lastError));
  }

  execute(command: string, opened: Opened<CommandChannel>): void {
    this.#client.exec(command, opened);
  }

  openSftp(opened: Opened<SFTPWrapper>): void {
    this.#client.sftp(opened);
  }

  forward(host: string, port: number): Promise<Duplex> {
    return this.ask<Duplex>((resolve, reject) => {
      this.#client.forwardOut('127.0.0.1', 0, host, port, (error, stream) => {
        if (error) reject(error);
        else resolve(stream);
      });
    });
  }

  async askForwarding(host: string, port: number): Promise<Forwarding> {
    try {
      (await this.forward(host, port)).destroy();
    } catch (error) {
      if (error instanceof ExpectedError) throw error;
      if (isForbidden(error)) return {kind: 'forbidden', words: messageOf(error)};
    }
    return {kind: 'allowed'};
  }

  /** Once the goodbye is on its way, as OpenSSH does it: the other end's answer would take a round trip more. */
  async end(): Promise<void> {
    if (this.isLost) return;
    const closed = new Promise<void>(resolve => this.#client.once('close', () => resolve()));
    const said = new Promise<void>(resolve => this.#stream.once('finish', resolve));
    const timer = setTimeout(() => this.#client.destroy(), LAST_ANSWER_MS);
    timer.unref();
    void closed.then(() => clearTimeout(timer));
    this.#client.end();
    await Promise.race([closed, said]);
    if (this.#stream instanceof Socket) this.#stream.unref();
  }
}

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED and SSH_OPEN_UNKNOWN_CHANNEL_TYPE. @see RFC 4254, section 5.1 */
const FORBIDDEN_REASONS: ReadonlySet<unknown> = new Set([1, 3]);

function isForbidden(error: unknown): boolean {
  return error instanceof Error && 'reason' in error && FORBIDDEN_REASONS.has(error.reason);
}
