import {spawn} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {EXIT, ExpectedError, type ExitCode} from '../errors.ts';

/** Longer than cleaning up after an interruption takes. */
const CLEAN_UP_MS = 30_000;

/** Runs one edgewise command and gives what it printed on stdout; its progress goes to our stderr. */
export type RunSelf = (args: readonly string[]) => Promise<string>;

/**
 * Runs edgewise's own commands as processes in `folder`, announcing each as a user would type it.
 * @param commandPrefix what each process is started with and no user types: the cores it may use
 * @throws ExpectedError `command-failed`, with the command's own exit code
 */
export function startSelf(
  folder: string,
  announce: (command: string) => void,
  commandPrefix: readonly string[] = [],
): RunSelf {
  const program = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
  return args =>
    new Promise((resolve, reject) => {
      const command = ['edgewise', ...args].map(quoteForShow).join(' ');
      announce(command);
      const [first = process.execPath, ...others] = [...commandPrefix, process.execPath, program, ...args];
      const child = spawn(first, others, {
        cwd: folder,
        stdio: ['inherit', 'pipe', 'inherit'],
      });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (code === 0) return resolve(stdout);
        // Ctrl-C reached us as well, and ends this process as soon as it has cleaned up: nothing more is to be said.
        const isInterrupted = signal === 'SIGINT' || code === 130;
        const fail = (): void =>
          reject(
            new ExpectedError(
              'command-failed',
              `"${command}" ${code === null ? `was ended by ${signal ?? 'a signal'}` : `ended with exit code ${code}`}.`,
              (code ?? EXIT.commandFailed) as ExitCode,
              {hints: [`cd ${folder} && ${command}`]},
            ),
          );
        setTimeout(fail, isInterrupted ? CLEAN_UP_MS : 0);
      });
    });
}

function quoteForShow(word: string): string {
  return /^[A-Za-z0-9_./=:,-]+$/.test(word) ? word : `'${word}'`;
}
