import {spawn, spawnSync} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {stripVTControlCharacters} from 'node:util';
import {describe, expect, it} from 'vitest';

const program = fileURLToPath(new URL('../fixtures/terminal/showSteps.ts', import.meta.url));
/** From util-linux: runs a command in a pseudo-terminal and ends with its status. */
const PSEUDO_TERMINAL = 'script';
const hasScript = spawnSync(PSEUDO_TERMINAL, ['-qec', 'true', '/dev/null'], {stdio: 'ignore'}).status === 0;

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

/** Runs the program in a pseudo-terminal; `interruptAt` presses Ctrl-C when that text appears. */
async function runInTerminal(environment: NodeJS.ProcessEnv, flags = '', interruptAt?: string) {
  const command = `stty cols 80 rows 24; '${process.execPath}' '${program}' ${flags}`;
  const child = spawn(PSEUDO_TERMINAL, ['-qec', command, '/dev/null'], {
    env: {...process.env, CI: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined, ...environment},
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  let isInterrupted = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (interruptAt === undefined || isInterrupted || !output.includes(interruptAt)) return;
    isInterrupted = true;
    child.stdin.write('\u0003');
  });
  const status = await new Promise(resolve => child.on('close', resolve));
  return {output, status};
}

/** What is left standing below the last redrawing. */
function lastLines(output: string): string[] {
  return stripVTControlCharacters(output.slice(output.lastIndexOf('\u001b[2K')))
    .split(/\r?\n/)
    .map(line => line.trimEnd())
    .filter(line => line !== '');
}

describe.skipIf(!hasScript)('the live list in a terminal (needs script from util-linux)', () => {
  it('leaves every step and the result standing, and the cursor visible', async () => {
    const {output, status} = await runInTerminal({});
    expect(output).toContain('profile pi-1: layers');
    const lines = lastLines(output);
    expect(lines).toEqual([
      expect.stringMatching(/^\S profile pi-1: done, 11 layers \(\d+ ms\)$/),
      expect.stringMatching(/^- push pi-2: skipped, nothing to change \([\d.]+ ms\)$/),
      '! pi-3 is slow',
      expect.stringMatching(/^\S push pi-4: failed \([\d.]+ ms\)$/),
      'the result',
    ]);
    expect(status).toBe(0);
    expect(output.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(output.lastIndexOf(HIDE_CURSOR));
  });

  it('uses colour, but not when NO_COLOR is set', async () => {
    // eslint-disable-next-line no-control-regex -- colours are control characters
    const colour = /\u001b\[3\dm/;
    expect((await runInTerminal({})).output).toMatch(colour);
    expect((await runInTerminal({NO_COLOR: '1'})).output).not.toMatch(colour);
  });

  it('ends with status 130 on Ctrl-C, says what was interrupted and shows the cursor again', async () => {
    const {output, status} = await runInTerminal({}, '--wait', 'push pi-5');
    expect(lastLines(output).at(-1)).toMatch(/^\S push pi-5: interrupted/);
    expect(status).toBe(130);
    expect(output).not.toContain('the result');
    expect(output.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(output.lastIndexOf(HIDE_CURSOR));
  });

  it('never draws more lines than the screen has, counts the others, and leaves all of them standing at the end', async () => {
    const {output} = await runInTerminal({}, '--many');
    // Each line of a frame is erased before the next one is drawn.
    // eslint-disable-next-line no-control-regex -- control characters are what this is about
    const frames = output.match(/(?:\u001b\[2K(?:\u001b\[1A)?)+/g) ?? [];
    const heights = frames.map(frame => frame.split('\u001b[2K').length - 1);
    expect(Math.max(...heights)).toBeGreaterThan(15);
    expect(Math.max(...heights)).toBeLessThanOrEqual(24);
    expect(stripVTControlCharacters(output)).toMatch(/- and \d+ running.* \d+ done, 1 skipped/);
    const lines = lastLines(output);
    expect(lines.filter(line => /push board-\d+: done/.test(line))).toHaveLength(40);
    expect(lines.at(-1)).toBe('the result');
  });
});

describe.skipIf(!hasScript)('a fleet in a terminal (needs script from util-linux)', () => {
  it('has one line a device: the step under way with bytes, speed and time left; at the end the last step of each', async () => {
    const {output} = await runInTerminal({}, '--fleet');
    const text = stripVTControlCharacters(output);
    expect(text).toMatch(/board-\d+: send release: \d MB of 8 MB, [\d.]+ MB\/s, \d+ s left/);
    expect(text).toMatch(/- and \d+ running/);
    // eslint-disable-next-line no-control-regex -- what a frame begins with
    for (const frame of output.split(/(?:\u001b\[2K(?:\u001b\[1A)?)+/)) {
      const boards = frame.match(/board-\d+(?=: )/g) ?? [];
      expect(new Set(boards).size).toBe(boards.length);
    }
    const lines = lastLines(output);
    expect(lines.filter(line => /board-\d+: confirm: done \(/.test(line))).toHaveLength(30);
    expect(lines.filter(line => line.includes('board-'))).toHaveLength(30);
  });
});

describe('progress in a pipe', () => {
  it('is plain lines on stderr, the result alone on stdout', () => {
    const {status, stdout, stderr} = spawnSync(process.execPath, [program], {encoding: 'utf8'});
    expect({status, stdout}).toEqual({status: 0, stdout: 'the result\n'});
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^push pi-2: skipped, nothing to change \([\d.]+ ms\)$/),
      expect.stringMatching(/^profile pi-1: done, 11 layers \([\d.]+ ms\)$/),
      'warning: pi-3 is slow',
      expect.stringMatching(/^push pi-4: failed \([\d.]+ ms\)$/),
      '',
    ]);
  });
});
