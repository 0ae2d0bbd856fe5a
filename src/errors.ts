/** Exit codes are part of the stable interface; see docs/errors.md for what each means to a script. */
export const EXIT = {
  ok: 0,
  verdictNo: 1,
  usage: 2,
  declined: 3,
  invalidDocument: 10,
  unreachable: 11,
  commandFailed: 12,
  unsupported: 13,
  stale: 14,
  rollbackFailed: 15,
  bug: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface ExpectedErrorOptions {
  /** Runnable imperatives, at most three, each naming a flag or a command. */
  readonly hints?: readonly string[];
  readonly cause?: unknown;
}

/**
 * A failure the user can act on. Everything else that is thrown is our bug (exit 70 and a stack).
 * `code` is a stable kebab-case word such as `host-key-changed`; the message is one sentence with the value and the place.
 */
export class ExpectedError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly hints: readonly string[];

  constructor(code: string, message: string, exitCode: ExitCode, options: ExpectedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.name = 'ExpectedError';
    this.code = code;
    this.exitCode = exitCode;
    this.hints = options.hints ?? [];
  }
}

/** The message of anything that was thrown, for use as a detail inside another sentence. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
