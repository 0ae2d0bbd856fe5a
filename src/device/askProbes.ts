import {randomUUID} from 'node:crypto';
import {EXIT, ExpectedError} from '../errors.ts';
import {lastLines} from './commandOutput.ts';
import type {Machine} from './machine.ts';
import {probes, type Finding, type ProbeName} from './probes/index.ts';
import {quoteArgv} from './quoteArgv.ts';

export type Findings<Name extends ProbeName> = {readonly [Each in Name]: Finding<Each> | undefined};

/**
 * Asks several probes in one round trip. A probe whose program is missing or whose answer does not tell finds
 * `undefined`.
 * @throws ExpectedError `device-unreachable`, `command-timed-out`, `probe-failed`
 */
export async function askProbes<Name extends ProbeName>(
  machine: Machine,
  names: readonly Name[],
): Promise<Findings<Name>> {
  const separator = `--- ${randomUUID()} ---`;
  // Each answer is followed by a line of its own, since the last line of an answer may lack its line feed.
  const script = names
    .map(name => `${quoteArgv(probes[name].argv)} 2>/dev/null; printf '\\n%s\\n' "$1"`)
    .join('\n');
  const result = await machine.run(['sh', '-c', script, 'sh', separator]);
  const answers = result.stdout.split(`\n${separator}\n`);
  if (result.exitStatus !== 0 || answers.length !== names.length + 1) {
    const how = result.signal === null ? `exit status ${result.exitStatus}` : `signal ${result.signal}`;
    const said = lastLines(result.stderr);
    throw new ExpectedError(
      'probe-failed',
      `${machine.name} could not be asked about itself (${how})${said === '' ? '' : `: ${said}`}`,
      EXIT.commandFailed,
      {hints: [`Try a plain login: ssh ${machine.address.replace(/:\d+$/, '')} uname -a`]},
    );
  }
  return Object.fromEntries(
    names.map((name, index) => [name, probes[name].parse(answers[index] ?? '')]),
  ) as Findings<Name>;
}
