import {spawn, type ChildProcess} from 'node:child_process';
import {constants} from 'node:os';
import type {Readable, Writable} from 'node:stream';
import type {ServerChannel} from 'ssh2';

export interface CommandSettings {
  readonly home: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly commandPrefix: readonly string[];
  readonly onSpawn: (pid: number) => void;
}

export interface RunningCommand {
  /** False when the signal's name is unknown or the command has ended. */
  readonly signal: (name: string) => boolean;
  /** What losing the connection does: the foreground group ends; what left the group with setsid stays. */
  readonly hangUp: () => void;
}

/** Between the hang-up a command may tidy up on and the kill it cannot refuse. */
const HANG_UP_GRACE_MS = 500;

/** Runs one command (`null`: a shell that reads its commands from the channel) and passes everything on exactly. */
export function runCommand(
  channel: ServerChannel,
  command: string | null,
  settings: CommandSettings,
): RunningCommand {
  const argv = [...settings.commandPrefix, '/bin/sh', ...(command === null ? [] : ['-c', command])];
  // Its own session and process group: a signal to the group reaches the whole pipeline, and setsid gets out of it.
  const child = spawn(argv[0] ?? '/bin/sh', argv.slice(1), {
    cwd: settings.home,
    env: settings.environment,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  if (child.pid !== undefined) settings.onSpawn(child.pid);

  let hasEnded = false;
  const hangUp = (): void => {
    // A command that ended by itself may have left background work in its group, which sshd leaves alone too.
    if (hasEnded) return;
    signalGroup(child, 'SIGHUP');
    // A process that the slowdown holds stopped takes the hang-up only once it runs again.
    setTimeout(() => {
      if (!hasEnded) signalGroup(child, 'SIGKILL');
    }, HANG_UP_GRACE_MS);
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  };

  child.on('error', () => {
    if (hasEnded) return;
    hasEnded = true;
    // 127 is what a shell answers for a command it cannot start.
    channel.exit(127);
    channel.end();
  });
  child.on('exit', () => {
    hasEnded = true;
  });
  channel.on('close', hangUp);
  channel.on('error', hangUp);

  // EPIPE: a command need not read what it is sent.
  child.stdin.on('error', () => channel.resume());
  child.stdin.on('close', () => channel.resume());
  channel.pipe(child.stdin);

  void Promise.all([
    copyAll(child.stdout, channel),
    copyAll(child.stderr, channel.stderr),
    new Promise<{status: number | null; signal: NodeJS.Signals | null}>(resolve =>
      child.on('close', (status, signal) => resolve({status, signal})),
    ),
  ]).then(([, , {status, signal}]) => {
    if (signal === null) channel.exit(status ?? 0);
    else channel.exit(signal.replace(/^SIG/, ''), false, '');
    channel.end();
  });

  return {
    hangUp,
    signal(name) {
      const signal = `SIG${name}` as NodeJS.Signals;
      if (hasEnded || constants.signals[signal] === undefined) return false;
      return signalGroup(child, signal);
    },
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): boolean {
  if (child.pid === undefined) return false;
  try {
    process.kill(-child.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Ends when everything has been handed over, or the source broke off. The target stays open. */
function copyAll(from: Readable, to: Writable): Promise<void> {
  return new Promise(resolve => {
    let waiting = 0;
    let hasEnded = false;
    const settle = (): void => {
      if (hasEnded && waiting === 0) resolve();
    };
    from.on('data', (chunk: Buffer) => {
      waiting += 1;
      const isBelowMark = to.write(chunk, () => {
        waiting -= 1;
        settle();
      });
      if (!isBelowMark) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('close', () => {
      hasEnded = true;
      settle();
    });
  });
}
