import {spawnSync} from 'node:child_process';
import {globSync, readFileSync} from 'node:fs';
import {copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {delimiter, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {shellBlocksOf} from '../tools/shellBlocks.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const BLOCK_TIMEOUT_MS = 300_000;

const pages = globSync(['README.md', 'docs/*.md'], {cwd: root})
  .sort()
  .map(file => ({file, blocks: shellBlocksOf(readFileSync(join(root, file), 'utf8'), file)}))
  .filter(({blocks}) => blocks.length > 0);

describe('fenced blocks', () => {
  it('are found in order, with the reason why some are left out', () => {
    const page =
      'a\n```sh\nedgewise doctor\n```\n```yaml\nx: 1\n```\n  ```sh no-run needs a Pi\n  edgewise push\n  ```\n';
    expect(shellBlocksOf(page, 'a.md')).toEqual([
      {line: 2, script: 'edgewise doctor', leftOutBecause: null},
      {line: 8, script: '  edgewise push', leftOutBecause: 'needs a Pi'},
    ]);
  });

  it.each([
    ['```bash\nls\n```', 'write ```sh instead of ```bash'],
    ['```sh no-run\nls\n```', 'no-run needs a reason'],
    ['```sh skip\nls\n```', 'what does "skip" mean?'],
    ['```sh\nls', 'never closed'],
  ])('refuses %j', (page, message) => expect(() => shellBlocksOf(page, 'a.md')).toThrow(message));
});

describe.each(pages)('$file', ({file, blocks}) => {
  let home: string;
  let folder: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'edgewise-docs-'));
    folder = join(home, 'project');
    await mkdir(join(home, 'bin'));
    await mkdir(folder);
    // What the pages say lies in the reader's folder.
    await copyFile(join(root, 'templates/quickstart/pictures.onnx'), join(folder, 'pictures.onnx'));
    const shim = `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin/run.js')}' "$@"\n`;
    await writeFile(join(home, 'bin/edgewise'), shim, {mode: 0o755});
  });

  afterAll(async () => {
    // A page that failed half-way has left its lab running.
    for (const lab of globSync('**/.edgewise/lab', {cwd: home})) {
      runShell('edgewise lab down', join(home, dirname(dirname(lab))));
    }
    await rm(home, {recursive: true, force: true});
  });

  const runShell = (script: string, cwd: string) =>
    spawnSync('sh', ['-e', '-c', `${script}\npwd > '${join(home, 'cwd')}'`], {
      cwd,
      encoding: 'utf8',
      timeout: BLOCK_TIMEOUT_MS,
      env: {
        ...process.env,
        // Commands of the documentation must not touch the keys and known hosts of whoever runs the tests.
        HOME: home,
        PATH: `${join(home, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
        NO_COLOR: '1',
      },
    });

  for (const {line, script, leftOutBecause} of blocks) {
    const title = `line ${line}: ${script.trim().split('\n')[0]}`;
    if (leftOutBecause !== null) {
      it.skip(`${title} (left out: ${leftOutBecause})`, () => {});
      continue;
    }
    it(
      title,
      async () => {
        const cwd = await readFile(join(home, 'cwd'), 'utf8').then(
          text => text.trim(),
          () => folder,
        );
        const {status, signal, stdout, stderr} = runShell(script, cwd);
        expect({status, signal}, `${file}:${line}\n${stdout}\n${stderr}`).toEqual({status: 0, signal: null});
      },
      BLOCK_TIMEOUT_MS,
    );
  }
});
