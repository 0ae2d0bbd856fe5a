import {rm} from 'node:fs/promises';
import {connect} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {dirname, join} from 'node:path';
import type {Duplex} from 'node:stream';
import type {SFTPWrapper} from 'ssh2';
import {settleWithin} from '../deadline.ts';
import type {Forwarding} from '../machine.ts';
import {SshConnection, type CommandChannel, type Opened} from '../sshConnection.ts';
import {ProcessChannel} from './processChannel.ts';
import {openSftpOverProcess} from './sftpOverProcess.ts';
import type {SshProcess, StartSsh} from './startSsh.ts';

export interface Master {
  readonly process: SshProcess;
  /** In a folder of its own, which goes with the connection. */
  readonly socket: string;
  readonly startSsh: StartSsh;
  /** As it was named to ssh. */
  readonly destination: string;
  /** The last that it said. */
  readonly lastWords: () => string;
}

/** No session is left: see `openChannel`. */
const REFUSED = /mux_client_request_session: session request failed/;

/** What the other side says of connections that it makes for nobody. */
const FORBIDDEN = /^(administratively prohibited|unknown channel type)/;
const ANSWER_MS = 5000;
/** Until the master has said why. */
const SAYING_MS = 500;

/** What shares the master's connection never opens one of its own. */
const SHARING = [
  ...['-o', 'ControlMaster=no', '-o', 'ProxyCommand=false', '-o', 'BatchMode=yes'],
  ...['-o', 'LogLevel=ERROR', '-o', 'ClearAllForwardings=no', '-T', '-F', 'none'],
];

/** The `ssh` of this machine: one connection, held by a master process, shared by a process for each session. */
export class OpenSshConnection extends SshConnection {
  readonly tellsExitStatus = false;
  readonly #master: Master;
  #forwards = 0;

  constructor(where: string, master: Master) {
    super(where);
    this.#master = master;
    void master.process.ended.then(() => {
      const words = master.lastWords();
      void rm(dirname(master.socket), {recursive: true, force: true});
      this.lose(words === '' ? undefined : new Error(words));
    });
  }

  execute(command: string, opened: Opened<CommandChannel>): void {
    const child = this.#share(['--', this.#master.destination, command]);
    const channel = new ProcessChannel(child);
    let isOpen = false;
    const open = (error: Error | undefined): void => {
      if (isOpen) return;
      isOpen = true;
      opened(error, channel);
    };
    child.stdout.once('data', () => open(undefined));
    child.stderr.once('data', (chunk: Buffer) => {
      // The command's own words begin with its marker; those of ssh itself are told apart by what they say.
      const text = chunk.toString('utf8');
      open(REFUSED.test(text) ? new Error(`Channel open failure: ${text.trim()}`) : undefined);
    });
    void child.ended.then(() => open(undefined));
  }

  openSftp(opened: Opened<SFTPWrapper>): void {
    void openSftpOverProcess(this.#share(['-s', '--', this.#master.destination, 'sftp']), opened);
  }

  async forward(host: string, port: number): Promise<Duplex> {
    const path = await this.#forwardSocket(host, port);
    try {
      return await this.ask<Duplex>((resolve, reject) => {
        const socket = connect({path, allowHalfOpen: true});
        socket.once('connect', () => resolve(socket));
        socket.once('error', reject);
      });
    } catch (error) {
      this.#sockets.delete(`${host}:${port}`);
      throw error;
    }
  }

  /** Who made no connection says why through the master only, and not on the socket, which just closes. */
  async askForwarding(host: string, port: number): Promise<Forwarding> {
    const stream = await this.forward(host, port);
    const answered = new Promise<'answered' | 'closed'>(resolve => {
      stream.once('data', () => resolve('answered'));
      stream.once('close', () => resolve('closed')).once('error', () => resolve('closed'));
    });
    stream.write('HEAD / HTTP/1.0\r\n\r\n');
    const outcome = await settleWithin(ANSWER_MS, answered);
    stream.destroy();
    if (outcome !== 'closed') return {kind: 'allowed'};
    for (let waitedMs = 0; waitedMs < SAYING_MS; waitedMs += 20) {
      const words = this.#master.lastWords();
      const said = /open failed: (.*)/.exec(words)?.[1];
      if (said !== undefined)
        return FORBIDDEN.test(said) ? {kind: 'forbidden', words: said} : {kind: 'allowed'};
      await sleep(20);
    }
    return {kind: 'allowed'};
  }

  readonly #sockets = new Map<string, Promise<string>>();

  /** The master listens on a socket in its folder; every connection to that is carried on to the same port. */
  #forwardSocket(host: string, port: number): Promise<string> {
    const key = `${host}:${port}`;
    const known = this.#sockets.get(key);
    if (known !== undefined) return known;
    this.#forwards += 1;
    const path = join(dirname(this.#master.socket), `f${this.#forwards}`);
    const opening = this.ask<string>((resolve, reject) => {
      const child = this.#share(['-O', 'forward', '-L', `${path}:${key}`, '--', this.#master.destination]);
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
      child.stdout.resume();
      void child.ended.then(code => {
        if (code === 0) resolve(path);
        else reject(new Error(said.trim()));
      });
    });
    this.#sockets.set(key, opening);
    // What failed once may go well the next time, under another path.
    opening.catch(() => this.#sockets.delete(key));
    return opening;
  }

  async end(): Promise<void> {
    if (this.isLost) return;
    const closed = new Promise<void>(resolve => this.whenLost(resolve));
    this.#master.process.kill('SIGTERM');
    const timer = setTimeout(() => this.#master.process.kill('SIGKILL'), 2000);
    await closed;
    clearTimeout(timer);
  }

  #share(args: readonly string[]): SshProcess {
    return this.#master.startSsh(['-S', this.#master.socket, ...SHARING, ...args]);
  }
}
