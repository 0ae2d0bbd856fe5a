import type {Duplex} from 'node:stream';
import type {Client, SFTPWrapper} from 'ssh2';
import {SshConnection, type CommandChannel, type Opened} from './sshConnection.ts';

/** The transport that comes with edgewise: SSH in JavaScript. */
export class Ssh2Connection extends SshConnection {
  readonly tellsExitStatus = true;
  readonly #client: Client;

  constructor(client: Client, where: string) {
    super(where);
    this.#client = client;
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

  async end(): Promise<void> {
    if (this.isLost) return;
    const closed = new Promise<void>(resolve => this.#client.once('close', () => resolve()));
    this.#client.end();
    const timer = setTimeout(() => this.#client.destroy(), 2000);
    await closed;
    clearTimeout(timer);
  }
}
