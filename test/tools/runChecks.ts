// Runs every `check:…` of package.json, two at a time: linting takes as long as all others together, and is one thread.
// What a check prints is shown in one piece when it has ended. Fails when one of them does, after all have ended.
import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const AT_ONCE = 2;
const LONGEST = 'check:lint';

const root = fileURLToPath(new URL('../..', import.meta.url));
const {scripts} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const names = Object.keys(scripts).filter(name => name.startsWith('check:') && name !== 'check:all');
const waiting = [LONGEST, ...names.filter(name => name !== LONGEST)];
const failed: string[] = [];

async function runCheck(name: string): Promise<void> {
  const startedMs = performance.now();
  const [isWell, output] = await new Promise<[boolean, string]>(resolve => {
    execFile('npm', ['run', '--silent', name], {cwd: root, maxBuffer: 2 ** 26}, (error, stdout, stderr) =>
      resolve([error === null, stdout + stderr]),
    );
  });
  if (!isWell) failed.push(name);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  process.stdout.write(`== ${name}: ${isWell ? 'passed' : 'FAILED'} in ${seconds} s\n${output}`);
}

async function runNext(): Promise<void> {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await runCheck(name);
}

await Promise.all(Array.from({length: AT_ONCE}, runNext));
if (failed.length > 0) {
  process.stdout.write(`\nfailed: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}
