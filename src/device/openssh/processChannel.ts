import {EventEmitter} from 'node:events';
import {PassThrough, type Writable} from 'node:stream';
import type {CommandChannel} from '../sshConnection.ts';
import type {SshProcess} from './startSsh.ts';

/** A local `ssh` that stands for one session of the connection it shares. */
export class ProcessChannel extends EventEmitter implements CommandChannel {
  readonly stdin: Writable;
  readonly stderr = new PassThrough();
  readonly #stdout = new PassThrough();
  readonly #ssh: SshProcess;

  constructor(ssh: SshProcess) {
    super();
    this.#ssh = ssh;
    this.stdin = ssh.stdin;
    // What comes before anybody listens is kept.
    ssh.stderr.pipe(this.stderr);
    ssh.stdout.pipe(this.#stdout);
    const heard = [this.stderr, this.#stdout].map(
      stream => new Promise<void>(resolve => stream.once('end', () => resolve())),
    );
    void Promise.all([ssh.ended, ...heard]).then(() => this.emit('close'));
  }

  override on(event: string, listener: (...args: never[]) => void): this {
    if (event === 'data') this.#stdout.on('data', listener as (chunk: Buffer) => void);
    else super.on(event, listener as (...args: unknown[]) => void);
    return this;
  }

  resume(): void {
    this.#stdout.resume();
  }

  end(input?: Buffer): void {
    this.stdin.end(input);
  }

  close(): void {
    this.#ssh.kill('SIGTERM');
  }
}
