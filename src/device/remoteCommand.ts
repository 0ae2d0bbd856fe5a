import {randomBytes} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import type {ClientChannel} from 'ssh2';
import {endGroupsArgv, MarkerFilter, wrapCommand} from './commandEnvelope.ts';
import {OUTPUT_LIMIT_BYTES, OutputCollector} from './commandOutput.ts';
import {settleWithin} from './deadline.ts';
import {commandTimedOutError, outputTooLargeError, unreachableError} from './deviceErrors.ts';
import type {CommandResult, RunOptions} from './machine.ts';
import {quoteArgv} from './quoteArgv.ts';
import type {SshConnection} from './sshConnection.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
/** Time for a command to say its process id, and for its end to be told once it was ended. */
const ENDING_MS = 5000;

/** Process ids of commands under way, so that closing the machine can end them. */
export type RunningCommands = Set<number>;

export async function runRemoteCommand(
  connection: SshConnection,
  running: RunningCommands,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const marker = `edgewise-${randomBytes(8).toString('hex')}`;
  const startedAt = performance.now();
  const stream = await openChannel(connection, wrapCommand(argv, marker), timeoutMs);
  if (stream === undefined) throw commandTimedOutError(connection.where, argv, timeoutMs, '');

  const stdout = new OutputCollector();
  const stderr = new OutputCollector(options.onStderrLine);
  const stdoutFilter = new MarkerFilter(marker);
  const stderrFilter = new MarkerFilter(marker);
  let processId: number | undefined;
  let exit: {status: number | null; signal: string | null} | undefined;
  let isAborted = false;

  return connection.ask<CommandResult>((resolve, reject) => {
    const closed = new Promise<void>(done => stream.once('close', () => done()));

    const abort = async (reason: () => Error) => {
      if (isAborted) return;
      isAborted = true;
      clearTimeout(timer);
      // A command that has not said its process id yet is given the time to do so: an unknown one cannot be ended.
      for (
        let waitedMs = 0;
        processId === undefined && waitedMs < ENDING_MS && exit === undefined;
        waitedMs += 50
      )
        await sleep(50);
      if (processId !== undefined && exit === undefined) await endRemoteGroups(connection, [processId]);
      await settleWithin(ENDING_MS, closed);
      if (processId !== undefined) running.delete(processId);
      stream.close();
      reject(reason());
    };

    const timer = setTimeout(
      () => void abort(() => commandTimedOutError(connection.where, argv, timeoutMs, stderr.text())),
      Math.max(1, timeoutMs - (performance.now() - startedAt)),
    );

    stream.on('data', (chunk: Buffer) => {
      stdout.push(stdoutFilter.push(chunk));
      if (stdout.isOverLimit)
        void abort(() => outputTooLargeError(connection.where, argv, OUTPUT_LIMIT_BYTES));
    });
    stream.stderr.on('data', (chunk: Buffer) => {
      stderr.push(stderrFilter.push(chunk));
      if (processId === undefined && stderrFilter.note !== undefined) {
        processId = Number(stderrFilter.note);
        running.add(processId);
      }
      if (stderr.isOverLimit)
        void abort(() => outputTooLargeError(connection.where, argv, OUTPUT_LIMIT_BYTES));
    });
    stream.on('exit', (status: number | null, signal?: string) => {
      exit = {status, signal: status === null ? (signal ?? null) : null};
    });
    stream.on('error', () => {}); // a command that does not read its input; its exit status says the rest
    stream.once('close', () => {
      clearTimeout(timer);
      if (processId !== undefined) running.delete(processId);
      if (isAborted) return;
      if (exit === undefined) {
        // A dying connection closes its channels first; its own error says more.
        setTimeout(
          () =>
            reject(
              unreachableError(connection.where, `lost ${quoteArgv(argv)}: it ended without an exit status`),
            ),
          200,
        );
        return;
      }
      stdout.push(stdoutFilter.rest());
      stderr.push(stderrFilter.rest());
      resolve({
        argv,
        exitStatus: exit.status,
        signal: exit.signal,
        stdout: stdout.text(),
        stderr: stderr.end(),
      });
    });
    stream.end(options.stdin === undefined ? undefined : Buffer.from(options.stdin));
  });
}

const CHANNEL_ATTEMPTS = 5;

/** A channel with the command started in it; `undefined` when time is up before there is one. */
async function openChannel(
  connection: SshConnection,
  command: string,
  timeoutMs: number,
): Promise<ClientChannel | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const opening = connection.ask<ClientChannel>((resolve, reject) => {
        connection.client.exec(command, (error, stream) => {
          if (error) reject(error);
          else resolve(stream);
        });
      });
      const stream = await settleWithin(timeoutMs, opening);
      if (stream === undefined)
        opening.then(
          late => late.close(),
          () => {},
        );
      return stream;
    } catch (error) {
      const isRefused = error instanceof Error && /Channel open failure/.test(error.message);
      if (!isRefused)
        throw error instanceof Error && 'exitCode' in error
          ? error
          : unreachableError(connection.where, 'did not start a command', error);
      // MaxSessions counts channels of all programs on this connection; nothing has run yet, so asking again is safe.
      if (attempt >= CHANNEL_ATTEMPTS)
        throw unreachableError(connection.where, 'opens no further session', error, [
          'Raise MaxSessions in the sshd_config of the device',
        ]);
      await sleep(100 * 2 ** attempt * (0.5 + Math.random()));
    }
  }
}

/** Ends process groups on the device; a device that cannot be asked any more is left alone. */
export async function endRemoteGroups(
  connection: SshConnection,
  processIds: readonly number[],
): Promise<void> {
  if (processIds.length === 0) return;
  const ending = connection.ask<void>((resolve, reject) => {
    connection.client.exec(`exec ${quoteArgv(endGroupsArgv(processIds))}`, (error, stream) => {
      if (error) {
        reject(error);
        return;
      }
      stream.on('error', () => {});
      stream.once('close', () => resolve());
      stream.resume();
      stream.stderr.resume();
      stream.end();
    });
  });
  await settleWithin(
    ENDING_MS,
    ending.catch(() => {}),
  );
}
