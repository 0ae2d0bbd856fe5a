import {createServer, connect, type Server} from 'node:net';
import {rm} from 'node:fs/promises';
import {createHash} from 'node:crypto';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {createInterface} from 'node:readline';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import type {LinkConditions} from './linkConditions.ts';

export type ControlRequest =
  | {readonly kind: 'stop'}
  | {readonly kind: 'read-statistics'; readonly link?: string}
  | {
      readonly kind: 'set-link';
      readonly change: Partial<LinkConditions>;
      readonly link?: string;
    }
  | {readonly kind: 'set-cloud'; readonly isRunning: boolean};

export type ControlAnswer =
  {readonly ok: true; readonly result: unknown} | {readonly ok: false; readonly message: string};

/** A socket's path may have 107 bytes; a deep folder's goes to the temporary folder under a name made from it. */
const MAX_SOCKET_PATH_BYTES = 100;

export function controlSocketPath(directory: string): string {
  const path = join(resolve(directory), 'control.sock');
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  return join(tmpdir(), `edgewise-lab-${createHash('sha256').update(path).digest('hex').slice(0, 16)}.sock`);
}

/**
 * Listens for requests of this user, one JSON line each way. Whoever listens is the lab of that folder: `null` when
 * another daemon does already.
 */
export async function listenForControl(
  directory: string,
  answer: (request: ControlRequest) => Promise<unknown>,
): Promise<Server | null> {
  const path = controlSocketPath(directory);
  const lock = await takeLock(directory);
  if (lock === null) return null;
  // Whatever lies there belonged to a daemon that is gone.
  await rm(path, {force: true});
  const server = createServer(socket => {
    socket.on('error', () => {});
    const lines = createInterface({input: socket});
    lines.on('error', () => {});
    lines.once('line', line => {
      answer(JSON.parse(line) as ControlRequest).then(
        result => socket.end(`${JSON.stringify({ok: true, result} satisfies ControlAnswer)}\n`),
        (error: unknown) =>
          socket.end(`${JSON.stringify({ok: false, message: messageOf(error)} satisfies ControlAnswer)}\n`),
      );
    });
  });
  // The socket file takes its mode from the umask at this moment; nobody else may connect, not even for an instant.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(path, done);
    });
  } finally {
    process.umask(umask);
  }
  server.once('close', () => lock.close());
  return server;
}

/** A name of the kernel's that only one process can have and that is free again when that process ends, however it ends. */
function takeLock(directory: string): Promise<Server | null> {
  const name = createHash('sha256').update(resolve(directory)).digest('hex');
  const lock = createServer(socket => socket.destroy());
  return new Promise((done, fail) => {
    lock.once('error', error => {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') done(null);
      else fail(error);
    });
    lock.listen(`\0edgewise-lab-${process.getuid?.() ?? 0}-${name}`, () => done(lock));
  });
}

/**
 * Asks the running lab. `null`: nobody listens.
 * @throws ExpectedError `lab-request-failed`
 */
export async function askLab(
  directory: string,
  request: ControlRequest,
  timeoutMs: number,
): Promise<{result: unknown} | null> {
  const answer = await new Promise<ControlAnswer | null>(resolve => {
    const socket = connect(controlSocketPath(directory));
    const end = (value: ControlAnswer | null): void => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(timeoutMs, () => end({ok: false, message: `no answer within ${timeoutMs / 1000} s`}));
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.once('error', () => end(null));
    socket.once('close', () => end({ok: false, message: 'the lab ended before it answered'}));
    const lines = createInterface({input: socket});
    // It passes the socket's errors on.
    lines.on('error', () => {});
    lines.once('line', line => end(JSON.parse(line) as ControlAnswer));
  });
  if (answer === null || answer.ok) return answer;
  throw new ExpectedError(
    'lab-request-failed',
    `The lab in ${directory} did not do what was asked (${request.kind}): ${answer.message}`,
    EXIT.commandFailed,
    {hints: ['Run edgewise lab status to see what runs.']},
  );
}
