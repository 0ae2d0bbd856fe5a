// The program that runs on devices and in the cloud. Results go to stdout as JSON, errors to stderr as JSON.
import {parseArgs} from 'node:util';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {DEPLOY_COMMANDS} from './deploy/commands.ts';
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
 * A push starts this program several times on a device, once a step: servers and clients take twice as long to load as such
 * a step takes, and are loaded where they are needed only.
 */
async function findCommand(name: string): Promise<RuntimeCommand> {
  if (Object.hasOwn(DEPLOY_COMMANDS, name) && DEPLOY_COMMANDS[name] !== undefined)
    return DEPLOY_COMMANDS[name];
  const {SERVING_COMMANDS} = await import('./servingCommands.ts');
  if (Object.hasOwn(SERVING_COMMANDS, name) && SERVING_COMMANDS[name] !== undefined)
    return SERVING_COMMANDS[name];
  const names = [...Object.keys(DEPLOY_COMMANDS), ...Object.keys(SERVING_COMMANDS)];
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
