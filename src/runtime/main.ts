// The program that runs on devices and in the cloud. Results go to stdout as JSON, errors to stderr as JSON.
import {parseArgs} from 'node:util';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {usageError, type RuntimeCommand, type Values} from './flagValues.ts';

async function main(argv: readonly string[]): Promise<void> {
  const [name = '', ...rest] = argv;
  const command = await findCommand(name);
  let values: Values;
  try {
    ({values} = parseArgs({args: rest, options: command.options, strict: true}));
  } catch (error) {
    throw usageError(`${name}: ${messageOf(error)}`);
  }
  await command.run(values);
}

/**
 * A push starts this program several times on a device, once a step: what a command does not need is not loaded. Servers and
 * clients take twice as long to load as a step of a push takes, and that four times as long as passing requests on.
 */
async function findCommand(name: string): Promise<RuntimeCommand> {
  const names: string[] = [];
  for (const load of [
    async () => (await import('./relay/commands.ts')).RELAY_COMMANDS,
    async () => (await import('./deploy/commands.ts')).DEPLOY_COMMANDS,
    async () => (await import('./servingCommands.ts')).SERVING_COMMANDS,
  ]) {
    const commands = await load();
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command !== undefined) return command;
    names.push(...Object.keys(commands));
  }
  throw usageError(`There is no command "${name}"; there are: ${names.join(', ')}.`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const isExpected = error instanceof ExpectedError;
  const about = isExpected
    ? {code: error.code, message: error.message, hints: error.hints}
    : {
        code: 'bug',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
        hints: [],
      };
  process.stderr.write(`${JSON.stringify({error: about})}\n`);
  process.exitCode = isExpected ? error.exitCode : EXIT.bug;
});
