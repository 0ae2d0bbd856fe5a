import type {Duplex} from 'node:stream';
import type {SFTPWrapper} from 'ssh2';
import {downloadFailedError, uploadFailedError} from './deviceErrors.ts';
import type {CommandResult, Machine, RunOptions, Tunnel, UploadOptions, UploadSource} from './machine.ts';
import {endRemoteGroups, runRemoteCommand, type RunningCommands} from './remoteCommand.ts';
import {
  countUploadChannels,
  downloadOverSftp,
  openSftp,
  openUploadSource,
  uploadOverSftp,
} from './sftpTransfer.ts';
import {Slots} from './slots.ts';
import type {SshConnection} from './sshConnection.ts';
import {listenForTunnel} from './tunnel.ts';

/** sshd's default MaxSessions is ten: two are left for ending what ran too long. */
const SESSIONS = 8;

/** A device behind one SSH connection, which may itself lead through others. */
export class SshMachine implements Machine {
  readonly name: string;
  readonly address: string;
  readonly #connection: SshConnection;
  readonly #hops: readonly SshConnection[];
  readonly #sessions = new Slots(SESSIONS);
  readonly #running: RunningCommands = new Set();
  readonly #tunnels = new Set<Tunnel>();

  constructor(name: string, address: string, connection: SshConnection, hops: readonly SshConnection[]) {
    this.name = name;
    this.address = address;
    this.#connection = connection;
    this.#hops = hops;
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    return this.#inSession(() => runRemoteCommand(this.#connection, this.#running, argv, options));
  }

  async upload(source: UploadSource, remotePath: string, options: UploadOptions = {}): Promise<void> {
    const content = await openUploadSource(source);
    try {
      await this.#inSession(async () => {
        let extra = 0;
        while (extra < countUploadChannels(content.sizeBytes) - 1 && this.#sessions.tryTake()) extra += 1;
        const sessions: SFTPWrapper[] = [];
        try {
          const opened = await Promise.all(Array.from({length: 1 + extra}, () => openSftp(this.#connection)));
          sessions.push(...opened.filter(sftp => sftp !== undefined));
          if (sessions.length === 0)
            throw uploadFailedError(this.#connection.where, remotePath, 'the device has no SFTP server');
          await uploadOverSftp(this.#connection, sessions, content, remotePath, options);
        } finally {
          for (const sftp of sessions) sftp.end();
          for (; extra > 0; extra -= 1) this.#sessions.give();
        }
      });
    } finally {
      await content.close();
    }
  }

  async download(remotePath: string): Promise<Uint8Array> {
    return this.#inSession(async () => {
      const sftp = await openSftp(this.#connection);
      if (sftp === undefined)
        throw downloadFailedError(this.#connection.where, remotePath, 'the device has no SFTP server');
      try {
        return await downloadOverSftp(this.#connection, sftp, remotePath);
      } finally {
        sftp.end();
      }
    });
  }

  async openTunnel(remotePort: number): Promise<Tunnel> {
    const tunnel = await listenForTunnel(() => forwardTo(this.#connection, '127.0.0.1', remotePort));
    const forget = () => void tunnel.close();
    this.#connection.client.once('close', forget);
    const own: Tunnel = {
      localPort: tunnel.localPort,
      close: async () => {
        this.#connection.client.off('close', forget);
        this.#tunnels.delete(own);
        await tunnel.close();
      },
    };
    this.#tunnels.add(own);
    return own;
  }

  /** Commands still under way are ended on the device: nobody is left to wait for them. */
  async close(): Promise<void> {
    await Promise.all([...this.#tunnels].map(tunnel => tunnel.close()));
    if (!this.#connection.isLost) await endRemoteGroups(this.#connection, [...this.#running]);
    await this.#connection.end();
    for (const hop of this.#hops.toReversed()) await hop.end();
  }

  async #inSession<T>(work: () => Promise<T>): Promise<T> {
    await this.#sessions.take();
    try {
      return await work();
    } finally {
      this.#sessions.give();
    }
  }
}

/** A TCP connection made by the other side. */
export function forwardTo(connection: SshConnection, host: string, port: number): Promise<Duplex> {
  return connection.ask<Duplex>((resolve, reject) => {
    connection.client.forwardOut('127.0.0.1', 0, host, port, (error, stream) => {
      if (error) reject(error);
      else resolve(stream);
    });
  });
}
