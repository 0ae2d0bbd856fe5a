import {randomUUID} from 'node:crypto';
import {EXIT, ExpectedError} from '../errors.ts';
import {lastLines} from './commandOutput.ts';
import type {Machine} from './machine.ts';
import {quoteArgv} from './quoteArgv.ts';

/**
 * What several commands print, in one round trip. How they end is not told: one that is missing has printed nothing.
 * @throws ExpectedError `device-unreachable`, `command-timed-out`, `probe-failed`
 */
export async function askCommands(
  machine: Machine,
  commands: readonly (readonly string[])[],
): Promise<readonly string[]> {
  const separator = `--- ${randomUUID()} ---`;
  // Each answer is followed by a line of its own, since the last line of an answer may lack its line feed.
  const script = commands.map(argv => `${quoteArgv(argv)} 2>/dev/null; printf '\\n%s\\n' "$1"`).join('\n');
  const result = await machine.run(['sh', '-c', script, 'sh', separator]);
  const answers = result.stdout.split(`\n${separator}\n`);
  if (result.exitStatus === 0 && answers.length === commands.length + 1) return answers.slice(0, -1);
  const how = result.signal === null ? `exit status ${result.exitStatus}` : `signal ${result.signal}`;
  const said = lastLines(result.stderr);
  throw new ExpectedError(
    'probe-failed',
    `${machine.name} could not be asked about itself (${how})${said === '' ? '' : `: ${said}`}`,
    EXIT.commandFailed,
    {hints: [`Try a plain login: ssh ${machine.address.replace(/:\d+$/, '')} uname -a`]},
  );
}
