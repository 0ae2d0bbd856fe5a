import {randomBytes} from 'node:crypto';
import {ExpectedError, messageOf} from '../errors.ts';
import {feedInput} from './commandInput.ts';
import {
  commandForAnyShell,
  endGroupsArgv,
  EndFilter,
  exitFromNote,
  MarkerFilter,
  wrapCommand,
} from './commandEnvelope.ts';
import {OUTPUT_LIMIT_BYTES, OutputCollector} from './commandOutput.ts';
import {settleWithin} from './deadline.ts';
import {
  commandTimedOutError,
  loginShellError,
  outputTooLargeError,
  unreachableError,
} from './deviceErrors.ts';
import type {CommandResult, RunOptions} from './machine.ts';
import {describeArgv, quoteArgv} from './quoteArgv.ts';
import {openChannel} from './sshChannel.ts';
import type {CommandChannel, SshConnection} from './sshConnection.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
/** Time for a command to say its process id, and for its end to be told once it was ended. */
const ENDING_MS = 5000;

/** Commands under way, so that closing the machine can end them. */
export interface RunningCommands {
  readonly processIds: Set<number>;
  /** Set on closing: what the commands answer from then on is about their being ended. */
  areAbandoned: boolean;
}

export async function runRemoteCommand(
  connection: SshConnection,
  running: RunningCommands,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const marker = `edgewise-${randomBytes(8).toString('hex')}`;
  const startedAt = performance.now();
  const command = wrapCommand(argv, marker, !connection.tellsExitStatus);
  const stream = await openChannel<CommandChannel>(
    connection,
    timeoutMs,
    callback => connection.execute(command, callback),
    late => late.close(),
  ).catch((error: unknown) => {
    if (error instanceof ExpectedError) throw error;
    throw unreachableError(
      connection.where,
      `did not start ${describeArgv(argv)}: ${messageOf(error)}`,
      error,
    );
  });
  if (stream === undefined) throw commandTimedOutError(connection.where, argv, timeoutMs, '');

  const stdout = new OutputCollector();
  const stderr = new OutputCollector(options.onStderrLine);
  const stdoutFilter = new MarkerFilter(marker);
  const stderrFilter = new MarkerFilter(marker);
  const endFilter = connection.tellsExitStatus ? null : new EndFilter(marker);
  let processId: number | undefined;
  let exit: {status: number | null; signal: string | null} | undefined;
  let isAborted = false;

  return connection.ask<CommandResult>((resolve, reject) => {
    const closed = new Promise<void>(done => stream.once('close', () => done()));
    let tellStarted = () => {};
    const started = new Promise<void>(done => {
      tellStarted = done;
    });

    const abort = async (reason: () => Error) => {
      if (isAborted) return;
      isAborted = true;
      clearTimeout(timer);
      // A command that has not said its process id yet is given the time to do so: an unknown one cannot be ended.
      await settleWithin(ENDING_MS, Promise.race([started, closed]));
      // Its children may hold the channel open when it has ended itself, so its exit status does not matter here.
      if (processId !== undefined) await endRemoteGroups(connection, [processId]);
      await settleWithin(ENDING_MS, closed);
      if (processId !== undefined) running.processIds.delete(processId);
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
      const said = stderrFilter.push(chunk);
      stderr.push(endFilter?.push(said) ?? said);
      if (processId === undefined && stderrFilter.note !== undefined) {
        processId = Number(stderrFilter.note);
        tellStarted();
        running.processIds.add(processId);
      }
      if (stderr.isOverLimit)
        void abort(() => outputTooLargeError(connection.where, argv, OUTPUT_LIMIT_BYTES));
    });
    stream.on('exit', (status: number | null, signal?: string) => {
      exit = {status, signal: status === null ? (signal ?? null) : null};
    });
    stream.on('error', () => {}); // a command that does not read its input; its exit status says the rest
    stream.once('close', (status?: number | null, signal?: string | null) => {
      clearTimeout(timer);
      // A short command's end may arrive in one packet with its start, before anyone could listen for `exit`.
      if (exit === undefined && (typeof status === 'number' || typeof signal === 'string')) {
        exit = {status: status ?? null, signal: status === null ? (signal ?? null) : null};
      }
      if (processId !== undefined) running.processIds.delete(processId);
      if (isAborted) return;
      exit ??= exitFromNote(endFilter?.note);
      if (running.areAbandoned) {
        reject(unreachableError(connection.where, `was closed while ${describeArgv(argv)} ran`));
        return;
      }
      if (exit === undefined) {
        // A dying connection closes its channels first; its own error says more.
        setTimeout(
          () =>
            reject(
              unreachableError(
                connection.where,
                `lost ${describeArgv(argv)}: it ended without an exit status`,
              ),
            ),
          200,
        );
        return;
      }
      stdout.push(stdoutFilter.rest());
      stderr.push(stderrFilter.rest());
      stderr.push(endFilter?.rest() ?? Buffer.alloc(0));
      // Whatever ended was not the command: /bin/sh says the marker before it starts one.
      if (stdoutFilter.isWaiting) {
        reject(loginShellError(connection.where, stdout.text(), stderr.end()));
        return;
      }
      resolve({
        argv,
        exitStatus: exit.status,
        signal: exit.signal,
        stdout: stdout.text(),
        stderr: stderr.end(),
      });
    });
    const {stdin} = options;
    if (stdin === undefined || typeof stdin === 'string' || stdin instanceof Uint8Array)
      stream.end(stdin === undefined ? undefined : Buffer.from(stdin));
    else feedInput(stream.stdin, stdin).catch((error: unknown) => abort(() => error as Error));
  });
}

/** Ends process groups on the device; a device that cannot be asked any more is left alone. */
export async function endRemoteGroups(
  connection: SshConnection,
  processIds: readonly number[],
): Promise<void> {
  if (processIds.length === 0) return;
  const ending = connection.ask<void>((resolve, reject) => {
    connection.execute(
      commandForAnyShell(`exec ${quoteArgv(endGroupsArgv(processIds))}`),
      (error, stream) => {
        if (error) {
          reject(error);
          return;
        }
        stream.on('error', () => {});
        stream.once('close', () => resolve());
        stream.resume();
        stream.stderr.resume();
        stream.end();
      },
    );
  });
  await settleWithin(
    ENDING_MS,
    ending.catch(() => {}),
  );
}
