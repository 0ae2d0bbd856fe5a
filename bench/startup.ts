/**
 * How long `edgewise --help` takes beside the least program that oclif makes: node bench/startup.ts [RUNS]
 * Both use the same @oclif/core and a manifest. Runs are interleaved, so that what else the machine does hits both alike.
 * Ends with 1 when the median ratio is above the bar.
 */
import {execFileSync, spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const BAR = 1.5;
const root = fileURLToPath(new URL('..', import.meta.url));

/** A hello-world with one command, as `oclif generate` would lay it out, already compiled. */
function makeHello(folder: string): string {
  const write = (path: string, text: string) => writeFileSync(join(folder, path), text);
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'dist/commands'), {recursive: true});
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const oclif = {bin: 'hello', dirname: 'hello', commands: {strategy: 'pattern', target: './dist/commands'}};
  write(
    'package.json',
    JSON.stringify({name: 'hello', version: '0.0.0', type: 'module', files: ['bin', 'dist'], oclif}),
  );
  write('bin/run.js', "import {execute} from '@oclif/core';\nawait execute({dir: import.meta.url});\n");
  write(
    'dist/commands/world.js',
    "import {Command} from '@oclif/core';\n" +
      "export default class World extends Command {\n  static description = 'Say hello';\n" +
      "  async run() {\n    this.log('hello world');\n  }\n}\n",
  );
  execFileSync(join(root, 'node_modules/.bin/oclif'), ['manifest'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return join(folder, 'bin/run.js');
}

function timeMs(script: string): number {
  const start = performance.now();
  const {status, stderr} = spawnSync(process.execPath, [script, '--help'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const elapsedMs = performance.now() - start;
  if (status !== 0) throw new Error(`${script} --help ended with ${status}: ${stderr.toString()}`);
  return elapsedMs;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

const runs = Number(process.argv[2] ?? 30);
for (const needed of ['dist/terminal/runCommandLine.js', 'oclif.manifest.json']) {
  if (!existsSync(join(root, needed)))
    throw new Error(`${needed} is missing: run npm run build and npm run manifest`);
}
const folder = mkdtempSync(join(tmpdir(), 'edgewise-startup-'));
try {
  const hello = makeHello(folder);
  const edgewise = join(root, 'bin/run.js');
  // Once unmeasured: both programs' files are in the page cache afterwards.
  timeMs(hello);
  timeMs(edgewise);
  const pairs = Array.from({length: runs}, (_, run) => {
    if (run % 2 === 0) {
      const helloMs = timeMs(hello);
      return {helloMs, edgewiseMs: timeMs(edgewise)};
    }
    const edgewiseMs = timeMs(edgewise);
    return {helloMs: timeMs(hello), edgewiseMs};
  });
  const sorted = (values: number[]) => values.sort((a, b) => a - b);
  const ratios = sorted(pairs.map(({helloMs, edgewiseMs}) => edgewiseMs / helloMs));
  const median = quantile(ratios, 0.5);
  const of = (pick: (pair: {helloMs: number; edgewiseMs: number}) => number) =>
    quantile(sorted(pairs.map(pick)), 0.5).toFixed(0);
  process.stdout.write(
    `edgewise --help ${of(pair => pair.edgewiseMs)} ms, bare oclif ${of(pair => pair.helloMs)} ms (medians of ${runs})\n` +
      `ratio ${median.toFixed(2)}, middle half ${quantile(ratios, 0.25).toFixed(2)} to ${quantile(ratios, 0.75).toFixed(2)}, ` +
      `bar ${BAR}: ${median <= BAR ? 'met' : 'missed'}\n`,
  );
  if (median > BAR) process.exitCode = 1;
} finally {
  rmSync(folder, {recursive: true, force: true});
}
