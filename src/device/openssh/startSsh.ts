import type {Readable, Writable} from 'node:stream';

/** A local `ssh` with its three streams as pipes. */
export interface SshProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles when the process has ended and its streams with it; `null` after a signal. */
  readonly ended: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

export type StartSsh = (args: readonly string[]) => SshProcess;

/** What is started ends with this process, as far as that can still end anything. */
export async function prepareSsh(environment: Record<string, string>): Promise<StartSsh> {
  const {execa} = await import('execa');
  return args => {
    const child = execa('ssh', args, {
      env: environment,
      extendEnv: false,
      reject: false,
      buffer: false,
      encoding: 'buffer',
      stdin: 'pipe',
    });
    child.stdin.on('error', () => {}); // what does not read its input; its end says the rest
    return {
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      ended: child.then(({exitCode}) => exitCode ?? null),
      kill: signal => void child.kill(signal),
    };
  };
}
