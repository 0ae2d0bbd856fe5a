import {fileURLToPath} from 'node:url';
import {run} from '@oclif/core/run';
import {EXIT} from '../errors.ts';
import {reportFailure} from './reportFailure.ts';

interface CommandLineOptions {
  /** Loads the commands' sources instead of the build. */
  readonly fromSources?: boolean;
}

/**
 * Runs one command line and leaves its exit code in `process.exitCode`. Failures are reported here and nowhere else,
 * because oclif's own handling gives usage errors exit code 1 under --json and prints its whole configuration there.
 */
export async function runCommandLine(
  argv: string[],
  entry: string,
  options: CommandLineOptions = {},
): Promise<void> {
  const root = fileURLToPath(new URL('..', entry));
  const isJson = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined).includes('--json');
  endQuietlyOnBrokenPipe();
  try {
    await run(argv, options.fromSources === true ? await sourceOptions(root) : {root});
    process.exitCode ??= EXIT.ok;
  } catch (error) {
    process.exitCode = reportFailure(error, isJson);
  }
}

/** `edgewise inspect … | head` must not end in a stack trace. */
function endQuietlyOnBrokenPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exitCode = EXIT.ok;
  });
}

async function sourceOptions(root: string) {
  const {default: pjson} = (await import(new URL('package.json', `file://${root}`).href, {
    with: {type: 'json'},
  })) as {default: {name: string; version: string; oclif: Record<string, unknown>}};
  return {
    root,
    ignoreManifest: true,
    pjson: {
      ...pjson,
      oclif: {...pjson.oclif, commands: {strategy: 'pattern' as const, target: './src/commands'}},
    },
  };
}
