import {EXIT, ExpectedError} from '../errors.ts';
import type {
  CommandResult,
  Forwarding,
  Machine,
  RunOptions,
  Tunnel,
  UploadOptions,
  UploadSource,
} from './machine.ts';
import {endRemoteGroups, runRemoteCommand, type RunningCommands} from './remoteCommand.ts';
import {downloadOverSftp} from './sftpDownload.ts';
import {openSftpSession, type SftpSession} from './sftpSession.ts';
import {countUploadSessions, uploadOverSftp} from './sftpUpload.ts';
import {Slots} from './slots.ts';
import type {SshConnection} from './sshConnection.ts';
import {openUploadSource} from './uploadSource.ts';
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
  readonly #running: RunningCommands = {processIds: new Set(), areAbandoned: false};
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
        let places = 1;
        while (places < countUploadSessions(content.sizeBytes) && this.#sessions.tryTake()) places += 1;
        const sessions: SftpSession[] = [];
        try {
          const openings = Array.from({length: places}, async () => sessions.push(await this.#openSftp()));
          for (const opening of await Promise.allSettled(openings))
            if (opening.status === 'rejected') throw opening.reason;
          const [first, ...others] = sessions;
          if (first !== undefined)
            await uploadOverSftp(this.#connection, [first, ...others], content, remotePath, options);
        } finally {
          for (const session of sessions) session.end();
          for (; places > 1; places -= 1) this.#sessions.give();
        }
      });
    } finally {
      await content.close();
    }
  }

  async download(remotePath: string): Promise<Uint8Array> {
    return this.#inSession(async () => {
      const session = await this.#openSftp();
      try {
        return await downloadOverSftp(this.#connection.where, session, remotePath);
      } finally {
        session.end();
      }
    });
  }

  async openTunnel(remotePort: number): Promise<Tunnel> {
    const tunnel = await listenForTunnel(() => this.#connection.forward('127.0.0.1', remotePort));
    const stopListening = this.#connection.whenLost(() => void tunnel.close());
    const own: Tunnel = {
      localPort: tunnel.localPort,
      close: async () => {
        stopListening();
        this.#tunnels.delete(own);
        await tunnel.close();
      },
    };
    this.#tunnels.add(own);
    return own;
  }

  askForwarding(remotePort: number): Promise<Forwarding> {
    return this.#connection.askForwarding('127.0.0.1', remotePort);
  }

  /** Commands still under way are ended on the device: nobody is left to wait for them. */
  async close(): Promise<void> {
    await Promise.all([...this.#tunnels].map(tunnel => tunnel.close()));
    this.#running.areAbandoned = true;
    if (!this.#connection.isLost) await endRemoteGroups(this.#connection, [...this.#running.processIds]);
    await this.#connection.end();
    for (const hop of this.#hops.toReversed()) await hop.end();
  }

  async #openSftp(): Promise<SftpSession> {
    const session = await openSftpSession(this.#connection);
    if (session !== undefined) return session;
    throw new ExpectedError(
      'sftp-missing',
      `${this.#connection.where} has no SFTP server, by which edgewise moves files.`,
      EXIT.commandFailed,
      {hints: [`Install openssh-sftp-server on ${this.name}`]},
    );
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
