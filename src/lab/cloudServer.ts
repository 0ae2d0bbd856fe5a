import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';

export interface CloudServer {
  readonly pid: number;
  readonly port: number;
  isRunning(): boolean;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;
const KEPT_LINES = 20;

/**
 * Starts the cloud server's command and waits for the JSON line with its port.
 * @throws ExpectedError `lab-cloud-failed`
 */
export async function startCloudServer(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  writeLog: (line: string) => void,
): Promise<CloudServer> {
  // Its stdin closes with the daemon, for servers that watch it; the keeper ends those that do not.
  const child = spawn(command[0] ?? '', command.slice(1), {
    env: {...process.env, ...environment},
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {});
  const lastLines: string[] = [];
  const keep = (line: string): void => {
    writeLog(`cloud: ${line}`);
    lastLines.push(line);
    if (lastLines.length > KEPT_LINES) lastLines.shift();
  };
  const fail = (why: string, cause?: unknown): ExpectedError =>
    new ExpectedError(
      'lab-cloud-failed',
      `The lab's cloud server (${command.join(' ')}) ${why}${lastLines.length > 0 ? `: ${lastLines.join(' | ')}` : '.'}`,
      EXIT.commandFailed,
      {hints: ["Run the server's command by itself to see what it says."], cause},
    );
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(fail(`told no port within ${START_TIMEOUT_MS / 1000} s`));
    }, START_TIMEOUT_MS);
    createInterface({input: child.stderr}).on('line', keep);
    createInterface({input: child.stdout}).on('line', line => {
      const announced = portFromLine(line);
      if (announced === null) keep(line);
      else {
        clearTimeout(timer);
        resolve(announced);
      }
    });
    child.once('error', error => {
      clearTimeout(timer);
      reject(fail(`did not start (${messageOf(error)})`, error));
    });
    child.once('close', (status, signal) => {
      clearTimeout(timer);
      reject(fail(`ended with ${signal ?? `status ${String(status)}`} before it told its port`));
    });
  });
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    port,
    isRunning,
    async stop() {
      if (!isRunning()) return;
      const hasExited = new Promise<void>(resolve => child.once('exit', () => resolve()));
      child.stdin.end();
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await hasExited;
      clearTimeout(timer);
    },
  };
}

function portFromLine(line: string): number | null {
  try {
    const {port} = JSON.parse(line) as {port?: unknown};
    return typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65536 ? port : null;
  } catch {
    return null;
  }
}
