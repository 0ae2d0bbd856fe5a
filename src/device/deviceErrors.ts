import {EXIT, ExpectedError} from '../errors.ts';
import {lastLines} from './commandOutput.ts';
import {describeArgv} from './quoteArgv.ts';

/** How to look for oneself: `where` as `name (user@host:port)`. Nothing for the machine we run on. */
function byHand(where: string, ...words: readonly string[]): string[] {
  const found = /\(([^@)]+@[^)]+):(\d+)\)$/.exec(where);
  if (found === null) return [];
  const options = words.filter(word => word.startsWith('-v'));
  const command = words.filter(word => !word.startsWith('-v'));
  return [['ssh', ...options, '-p', found[2], found[1], ...command].join(' ')];
}

/** `where` is the device's name and address as people know them. */
export function unreachableError(
  where: string,
  what: string,
  cause?: unknown,
  hints: readonly string[] = [],
): ExpectedError {
  return new ExpectedError('device-unreachable', `${where} ${what}.`, EXIT.unreachable, {
    hints: [...hints, ...byHand(where, '-v', 'true')],
    ...(cause === undefined ? {} : {cause}),
  });
}

/** An account that is let in but runs nothing: nologin, a restricted shell, a forced command. */
export function loginShellError(where: string, stdout: string, stderr: string): ExpectedError {
  const said = lastLines(`${stdout}\n${stderr}`.trim());
  return new ExpectedError(
    'login-shell-refused',
    `${where} lets the user in, but runs no command${said === '' ? '' : `; it says:\n${said}`}`,
    EXIT.unreachable,
    {hints: ['Give the user an ordinary shell there: chsh -s /bin/sh', ...byHand(where, 'true')]},
  );
}

export function commandTimedOutError(
  where: string,
  argv: readonly string[],
  timeoutMs: number,
  stderr: string,
): ExpectedError {
  const said = lastLines(stderr);
  return new ExpectedError(
    'command-timed-out',
    `${describeArgv(argv)} on ${where} was ended after ${timeoutMs / 1000} s${said === '' ? '' : `; it last said:\n${said}`}`,
    EXIT.commandFailed,
  );
}

export function outputTooLargeError(
  where: string,
  argv: readonly string[],
  limitBytes: number,
): ExpectedError {
  return new ExpectedError(
    'output-too-large',
    `${describeArgv(argv)} on ${where} wrote more than ${formatBytes(limitBytes)} and was ended.`,
    EXIT.commandFailed,
  );
}

export function diskFullError(
  where: string,
  path: string,
  freeBytes: number,
  neededBytes: number,
  cause?: unknown,
): ExpectedError {
  return new ExpectedError(
    'disk-full',
    `${path} on ${where} needs ${formatBytes(neededBytes)} (${neededBytes} bytes); ${formatBytes(freeBytes)} (${freeBytes} bytes) are free there.`,
    EXIT.commandFailed,
    {hints: byHand(where, 'df', '-h'), ...(cause === undefined ? {} : {cause})},
  );
}

export function uploadFailedError(
  where: string,
  path: string,
  reason: string,
  cause?: unknown,
): ExpectedError {
  return new ExpectedError(
    'upload-failed',
    `Writing ${path} on ${where} failed: ${reason}.`,
    EXIT.commandFailed,
    {
      ...(cause === undefined ? {} : {cause}),
    },
  );
}

export function noSuchFileError(where: string, path: string, cause?: unknown): ExpectedError {
  return new ExpectedError('no-such-file', `${where} has no file ${path}.`, EXIT.commandFailed, {
    ...(cause === undefined ? {} : {cause}),
  });
}

export function downloadFailedError(
  where: string,
  path: string,
  reason: string,
  cause?: unknown,
): ExpectedError {
  return new ExpectedError(
    'download-failed',
    `Reading ${path} on ${where} failed: ${reason}.`,
    EXIT.commandFailed,
    {
      ...(cause === undefined ? {} : {cause}),
    },
  );
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes <= 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}
