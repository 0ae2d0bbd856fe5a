import {z} from 'zod';
import type {CommandResult, Machine} from '../../device/machine.ts';
import {EXIT, ExpectedError, type ExitCode} from '../../errors.ts';

/** Runs a script that must succeed. @throws ExpectedError `device-command-failed` */
export async function runScript(
  machine: Machine,
  argv: string[],
  stdin = '',
  timeoutMs = 60_000,
): Promise<CommandResult> {
  return requireSuccess(machine, await machine.run(argv, {stdin, timeoutMs}));
}

export function requireSuccess(machine: Machine, result: CommandResult): CommandResult {
  if (result.exitStatus === 0) return result;
  const isScript = result.argv[0] === 'sh' && result.argv[1] === '-c';
  const shown = (isScript ? result.argv.slice(3) : result.argv).join(' ');
  const lastLines = result.stderr.trim().split('\n').slice(-5).join('\n');
  const how =
    result.exitStatus === null
      ? `was ended by ${result.signal ?? 'a signal'}`
      : `exited with ${result.exitStatus}`;
  throw new ExpectedError(
    'device-command-failed',
    `"${shown}" ${how} on ${machine.name} (${machine.address})${lastLines === '' ? '.' : `: ${lastLines}`}`,
    EXIT.commandFailed,
  );
}

/** The "key value" lines that scripts print. */
export function factsFrom(stdout: string): Map<string, string> {
  return new Map(
    stdout
      .split('\n')
      .filter(line => line.includes(' '))
      .map(line => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1).trim()]),
  );
}

/** A fact that is a number, times `factor`; `null` where it is none. */
export function numberFrom(fact: string | undefined, factor = 1): number | null {
  return fact === undefined || !/^\d+(\.\d+)?$/.test(fact) ? null : Number(fact) * factor;
}

/** The runtime on a device: the program that decides there. */
export interface DeviceProgram {
  /** The user's home folder there. */
  readonly home: string;
  readonly runtimeHex: string;
}

const failure = z.object({
  error: z.object({code: z.string(), message: z.string(), hints: z.array(z.string())}),
});
const EXIT_CODES: ReadonlySet<number> = new Set(Object.values(EXIT));
/** Hashing on a slow device takes its time. */
const PROGRAM_TIMEOUT_MS = 600_000;

/**
 * Asks the runtime on the device to do one step; what it refuses comes back as the error it was there.
 * @throws ExpectedError with the device's own code, or `device-command-failed`
 */
export async function runDeviceProgram<T>(
  machine: Machine,
  {home, runtimeHex}: DeviceProgram,
  args: readonly string[],
  answer: z.ZodType<T>,
  stdin = '',
): Promise<T> {
  const folder = `${home}/.edgewise`;
  const runtime = `${folder}/runtime/${runtimeHex}`;
  const [command = '', ...flags] = args;
  const argv = [`${runtime}/bin/node`, `${runtime}/edgewise.mjs`, command, '--home', folder, ...flags];
  const result = await machine.run(argv, {stdin, timeoutMs: PROGRAM_TIMEOUT_MS});
  if (result.exitStatus === 0) return answer.parse(JSON.parse(result.stdout));
  throw refusalFrom(machine, result) ?? requireFailure(machine, result);
}

function refusalFrom(machine: Machine, {stderr, exitStatus}: CommandResult): ExpectedError | null {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  try {
    const {error} = failure.parse(JSON.parse(line));
    if (error.code === 'bug' || exitStatus === null || !EXIT_CODES.has(exitStatus)) return null;
    const hints = error.hints.map(hint => hint.replace('DEVICE', machine.name));
    return new ExpectedError(error.code, `${machine.name}: ${error.message}`, exitStatus as ExitCode, {
      hints,
    });
  } catch {
    return null;
  }
}

function requireFailure(machine: Machine, result: CommandResult): Error {
  try {
    requireSuccess(machine, result);
  } catch (error) {
    return error as Error;
  }
  return new Error('a command that succeeded was taken for a failure');
}
