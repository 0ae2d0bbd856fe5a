import {stripVTControlCharacters} from 'node:util';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hints: readonly string[];
  readonly exitCode: number;
  /** Only for our own bugs. */
  readonly stack?: string;
}

/** Prints a failure the way docs/errors.md promises and returns the exit code. With `isJson`, one JSON document on stdout. */
export function reportFailure(error: unknown, isJson: boolean): number {
  const failure = failureFrom(error);
  if (failure === null) return exitCodeOf(error);
  if (isJson) {
    const {code, message, hints} = failure;
    process.stdout.write(`${JSON.stringify({error: {code, message, hints}}, null, 2)}\n`);
    if (failure.stack !== undefined) process.stderr.write(`${failure.stack}\n`);
    return failure.exitCode;
  }
  const lines = [`Error: ${failure.message}`, ...failure.hints.map(hint => `  → ${hint}`)];
  if (failure.stack !== undefined) {
    lines.push('This is a bug in edgewise. Please report it with the lines below.', failure.stack);
  }
  process.stderr.write(`${lines.join('\n')}\n`);
  return failure.exitCode;
}

function failureFrom(error: unknown): Failure | null {
  if (error instanceof ExpectedError) {
    const {code, message, hints, exitCode} = error;
    return {code, message, hints, exitCode};
  }
  if (isOclifExit(error)) return null;
  if (isOclifUsageError(error)) {
    const [first = '', ...rest] = stripVTControlCharacters(error.message).split('\n');
    const message = [first, ...rest.filter(line => line.trim() !== '' && !line.startsWith('See more help'))]
      .join(' ')
      .trim();
    return {code: 'wrong-usage', message, hints: ['edgewise --help'], exitCode: EXIT.usage};
  }
  return {
    code: 'bug',
    message: messageOf(error),
    hints: [],
    exitCode: EXIT.bug,
    stack: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

function isOclifExit(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIT';
}

function exitCodeOf(error: unknown): number {
  const oclif = (error as {oclif?: {exit?: number}}).oclif;
  return oclif?.exit ?? EXIT.ok;
}

function isOclifUsageError(error: unknown): error is Error {
  return error instanceof Error && ('oclif' in error || 'parse' in error);
}
