import {createHash, randomBytes} from 'node:crypto';
import {truncateSync} from 'node:fs';
import {readFile, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import fc from 'fast-check';
import {describe, expect, vi} from 'vitest';
import type {Machine} from '../../src/device/machine.ts';
import {ExpectedError} from '../../src/errors.ts';
import {isAlive} from './sshServers.ts';

/** What was thrown, when it is what it should be: an error for people. */
export async function catchExpected(work: Promise<unknown>): Promise<ExpectedError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ExpectedError) return error;
    throw error;
  }
  throw new Error('it was expected to fail');
}

/** Where the tests take place: `scratch` is a folder of the machine, `folder` one of ours. */
export interface Place {
  readonly machine: Machine;
  readonly scratch: string;
  readonly folder: string;
}

/** What commands and files must do on every machine, over SSH or here. */
export function describeCommands(
  test: (name: string, work: () => Promise<void>) => void,
  at: () => Place,
): void {
  describe('run', () => {
    for (const status of [0, 1, 7, 255]) {
      test(`gives back exit status ${status}`, async () => {
        const result = await at().machine.run(['sh', '-c', `echo out; echo err >&2; exit ${status}`]);
        expect(result).toMatchObject({exitStatus: status, signal: null, stdout: 'out\n', stderr: 'err\n'});
      });
    }

    test('answers 127 for a program that is not there', async () => {
      const result = await at().machine.run(['edgewise-no-such-program']);
      expect(result.exitStatus).toBe(127);
      expect(result.stderr).toContain('edgewise-no-such-program');
    });

    test('names the signal that ended a command', async () => {
      expect(await at().machine.run(['sh', '-c', 'kill -KILL $$'])).toMatchObject({
        exitStatus: null,
        signal: 'SIGKILL',
      });
    });

    test('passes megabytes of any bytes on standard input', async () => {
      const bytes = randomBytes(3 * 1024 * 1024);
      const {stdout} = await at().machine.run(['sha256sum'], {stdin: bytes});
      expect(stdout.split(' ')[0]).toBe(createHash('sha256').update(bytes).digest('hex'));
    });

    test('takes standard input in chunks', async () => {
      const chunks = Array.from({length: 40}, () => randomBytes(200_000));
      let handedOut = 0;
      async function* source(): AsyncGenerator<Uint8Array> {
        for (const chunk of chunks) {
          handedOut += 1;
          yield chunk;
        }
      }
      const gate = join(at().scratch, 'gate');
      const script = `while [ ! -e "$1" ]; do sleep 0.05; done; sha256sum; rm "$1"`;
      const running = at().machine.run(['sh', '-c', script, 'sh', gate], {stdin: source()});
      await vi.waitFor(() => expect(handedOut).toBeGreaterThan(0), 20_000);
      await writeFile(gate, '');
      const wanted = createHash('sha256').update(Buffer.concat(chunks)).digest('hex');
      expect((await running).stdout.split(' ')[0]).toBe(wanted);
    });

    test('stops asking for input when the command has ended, and ends it when the input fails', async () => {
      let handedOut = 0;
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (;;) {
          handedOut += 1;
          yield Buffer.alloc(64 * 1024);
        }
      }
      const result = await at().machine.run(['sh', '-c', 'head -c 10 >/dev/null; exit 3'], {
        stdin: endless(),
      });
      expect(result.exitStatus).toBe(3);
      const handedOutAtEnd = handedOut;
      await new Promise(resolve => setTimeout(resolve, 50));
      expect(handedOut).toBeLessThanOrEqual(handedOutAtEnd + 1);
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('first');
        throw new Error('the disk of this side is gone');
      }
      await expect(at().machine.run(['sleep', '300'], {stdin: broken()})).rejects.toThrow(
        /disk of this side/,
      );
    });

    test('ends standard input at once when there is none', async () => {
      expect(await at().machine.run(['cat'], {timeoutMs: 60_000})).toMatchObject({exitStatus: 0, stdout: ''});
    });

    test('is not disturbed by a command that reads none of its input', async () => {
      const result = await at().machine.run(['true'], {stdin: Buffer.alloc(4 * 1024 * 1024)});
      expect(result).toMatchObject({exitStatus: 0});
    });

    test('gives every argument to the program as it is', async () => {
      const nasty = [
        '',
        ' ',
        "'",
        '"',
        "it's",
        '$HOME',
        '`id`',
        '$(id)',
        '\\',
        '\\\\',
        'a\nb',
        '*',
        '~',
        '!',
        '#x',
        '-n',
        '--',
        ';',
        '&&',
        'ü 漢 🦀',
        '\t',
        '%s',
        'A=b',
      ];
      const random = fc.sample(
        fc.string({unit: 'binary', maxLength: 40}).filter(word => !word.includes('\0')),
        {numRuns: 200, seed: 7},
      );
      const words = [...nasty, ...random];
      const {stdout} = await at().machine.run(['printf', '%s\\0', ...words]);
      expect(stdout.split('\0').slice(0, -1)).toEqual(words);
    });

    test('hands on standard error line by line while the command runs', async () => {
      const lines: string[] = [];
      const result = await at().machine.run(['sh', '-c', 'printf "a\\nb" >&2; printf "c\\nlast" >&2'], {
        onStderrLine: line => lines.push(line),
      });
      expect(lines).toEqual(['a', 'bc', 'last']);
      expect(result.stderr).toBe('a\nbc\nlast');
    });

    test('keeps whole characters that arrive in pieces', async () => {
      const {stdout} = await at().machine.run(['sh', '-c', 'printf "\\303"; sleep 0.2; printf "\\274"']);
      expect(stdout).toBe('ü');
    });

    test('runs more commands at once than a server has sessions for', async () => {
      const results = await Promise.all(
        Array.from({length: 24}, (_, index) => at().machine.run(['echo', String(index)])),
      );
      expect(results.map(result => result.stdout.trim())).toEqual(results.map((_, index) => String(index)));
    });

    test('ends a command whose time is up, and what it started, even when it does not listen', async () => {
      const note = join(at().scratch, 'pids');
      const script = `trap '' TERM; sh -c 'trap "" TERM; echo $$ >>${note}; while :; do sleep 1; done' & echo $$ >>${note}; echo working >&2; while :; do sleep 1; done`;
      const error = await catchExpected(at().machine.run(['sh', '-c', script], {timeoutMs: 2500}));
      expect(error).toMatchObject({code: 'command-timed-out', exitCode: 12});
      expect(error.message).toContain('working');
      const pids = (await readFile(note, 'utf8')).trim().split('\n').map(Number);
      expect(pids).toHaveLength(2);
      await vi.waitFor(async () => expect(await Promise.all(pids.map(isAlive))).toEqual([false, false]), {
        timeout: 20_000,
      });
      expect(await at().machine.run(['echo', 'still there'])).toMatchObject({stdout: 'still there\n'});
    });

    test('ends a command that writes without end', async () => {
      const line = `over and over again ${randomBytes(8).toString('hex')}`;
      const error = await catchExpected(at().machine.run(['yes', line], {timeoutMs: 50_000}));
      expect(error).toMatchObject({code: 'output-too-large', exitCode: 12});
      await vi.waitFor(
        async () => expect((await at().machine.run(['ps', '-eo', 'args'])).stdout).not.toContain(line),
        {timeout: 20_000},
      );
    });
  });

  describe('files', () => {
    for (const [name, sizeBytes] of [
      ['no bytes', 0],
      ['one byte', 1],
      ['one chunk and a byte', 32 * 1024 + 1],
      ['many channels', 21_000_001],
    ] as const) {
      test(`uploads and downloads ${name}`, async () => {
        const bytes = randomBytes(sizeBytes);
        const path = join(at().scratch, 'ein Bündel.partial');
        const steps: number[] = [];
        await at().machine.upload({bytes}, path, {mode: 0o640, onProgress: sent => steps.push(sent)});
        expect(Buffer.compare(await readFile(path), bytes)).toBe(0);
        expect((await stat(path)).mode & 0o777).toBe(0o640);
        expect(steps.at(-1) ?? 0).toBe(sizeBytes);
        expect(steps.toSorted((a, b) => a - b)).toEqual(steps);
        expect(Buffer.compare(await at().machine.download(path), bytes)).toBe(0);
      });
    }

    test('uploads a file over a longer one', async () => {
      const source = join(at().folder, 'source');
      await writeFile(source, 'short');
      const path = join(at().scratch, 'again');
      await at().machine.upload({bytes: Buffer.alloc(100_000, 'x')}, path);
      await at().machine.upload({path: source}, path);
      expect(await readFile(path, 'utf8')).toBe('short');
    });

    test('says which folder is missing', async () => {
      const path = join(at().scratch, 'no', 'such', 'folder', 'file');
      const error = await catchExpected(at().machine.upload({bytes: Buffer.from('x')}, path));
      expect(error).toMatchObject({code: 'upload-failed', exitCode: 12});
      expect(error.message).toContain(path);
    });

    test('leaves nothing behind when the source ends early', async () => {
      const source = join(at().folder, 'shrinking');
      await writeFile(source, Buffer.alloc(9 * 1024 * 1024));
      const path = join(at().scratch, 'shrunk.partial');
      const error = await catchExpected(
        at().machine.upload({path: source}, path, {onProgress: () => truncateSync(source, 1)}),
      );
      expect(error).toMatchObject({code: 'upload-failed'});
      await expect(stat(path)).rejects.toMatchObject({code: 'ENOENT'});
    });

    test('says that there is no such file', async () => {
      const error = await catchExpected(at().machine.download(join(at().scratch, 'nothing')));
      expect(error).toMatchObject({code: 'no-such-file', exitCode: 12});
    });
  });
}
