import {execFileSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {MarkerFilter, wrapCommand} from '../../../src/device/commandEnvelope.ts';
import {OUTPUT_LIMIT_BYTES, OutputCollector, lastLines} from '../../../src/device/commandOutput.ts';
import {formatBytes} from '../../../src/device/deviceErrors.ts';
import {describeArgv, quoteArgv} from '../../../src/device/quoteArgv.ts';

const word = fc.string({unit: 'binary', maxLength: 12}).filter(text => !text.includes('\0'));

describe('describeArgv', () => {
  it('keeps a message on one line, however long the script', () => {
    expect(describeArgv(['sh', '-c', 'a b\nc', 'x'.repeat(70)])).toBe(`sh -c 'a b…' '${'x'.repeat(60)}…'`);
    expect(describeArgv(['uname', '-m'])).toBe('uname -m');
  });
});

describe('quoteArgv', () => {
  it('leaves plain words as they are, so that commands can be read', () => {
    expect(quoteArgv(['uname', '-m', '/a/b.c', 'x:y@z', '50%'])).toBe('uname -m /a/b.c x:y@z 50%');
  });

  it('quotes the rest', () => {
    expect(quoteArgv(['', 'a b', "it's", 'A=b', '~', '*'])).toBe(`'' 'a b' 'it'\\''s' 'A=b' '~' '*'`);
  });

  it('comes through a shell unchanged', () => {
    fc.assert(
      fc.property(fc.array(word, {minLength: 1, maxLength: 20}), words => {
        const answer = execFileSync('sh', ['-c', `printf '%s\\0' ${quoteArgv(words)}`]).toString();
        expect(answer.split('\0').slice(0, -1)).toEqual(words);
      }),
      {numRuns: 40},
    );
  });

  it('refuses what no program can be given', () => {
    expect(() => quoteArgv([])).toThrow(TypeError);
    expect(() => quoteArgv(['a\0b'])).toThrow(TypeError);
  });
});

describe('wrapCommand', () => {
  const runIn = (shell: readonly string[], argv: readonly string[], marker: string) => {
    const [program = 'sh', ...args] = shell;
    return execFileSync(program, [...args, wrapCommand(argv, marker)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    }).toString();
  };

  const words = ['a b', "it's", '$HOME', '!!', '\\\\n', 'two\nlines\n', 'é🍓', '`id`', '"', '%b', '\\0041'];
  for (const shell of ['sh', 'bash', 'busybox', 'tcsh', 'fish']) {
    it(`gives the program its arguments and marks where it starts, under ${shell}`, context => {
      const argv = shell === 'busybox' ? ['busybox', 'sh', '-c'] : [shell, '-c'];
      try {
        execFileSync(argv[0] ?? '', [...argv.slice(1), 'exit 0'], {stdio: 'ignore'});
      } catch {
        return context.skip(`${shell} is not installed here`);
      }
      expect(runIn(argv, ['printf', '%s|', ...words], 'marker-1')).toBe(`marker-1\n${words.join('|')}|`);
    });
  }
});

describe('MarkerFilter', () => {
  it('drops what a login shell prints first, however the bytes arrive', () => {
    const whole = Buffer.concat([Buffer.from('Welcome to pi-7!\nmarker-1 4711\n'), randomBytes(50)]);
    const expected = whole.subarray(whole.indexOf('4711\n') + 5);
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), {maxLength: 8}), cuts => {
        const filter = new MarkerFilter('marker-1');
        const edges = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
        const parts = edges.slice(1).map((end, index) => filter.push(whole.subarray(edges[index], end)));
        expect(Buffer.compare(Buffer.concat([...parts, filter.rest()]), expected)).toBe(0);
        expect(filter.note).toBe('4711');
      }),
    );
  });

  it('gives everything back where the command never started', () => {
    const filter = new MarkerFilter('marker-1');
    expect(filter.push(Buffer.from('This account is ')).length).toBe(0);
    expect(filter.push(Buffer.from('not available.\n')).length).toBe(0);
    expect(filter.rest().toString()).toBe('This account is not available.\n');
    expect(filter.note).toBeUndefined();
  });

  it('does not keep an endless greeting in memory', () => {
    const filter = new MarkerFilter('marker-1');
    const sizes = Array.from({length: 20}, () => filter.push(Buffer.alloc(100_000)).length);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(2_000_000);
  });
});

describe('OutputCollector', () => {
  it('keeps nothing beyond the limit', () => {
    const collector = new OutputCollector();
    collector.push(Buffer.alloc(OUTPUT_LIMIT_BYTES, 'a'));
    expect(collector.isOverLimit).toBe(false);
    collector.push(Buffer.from('b'));
    expect(collector.isOverLimit).toBe(true);
    expect(collector.text()).toHaveLength(OUTPUT_LIMIT_BYTES);
  });

  it('tells whole lines, whatever the pieces', () => {
    const lines: string[] = [];
    const collector = new OutputCollector(line => lines.push(line));
    for (const byte of Buffer.from('eins\nzwölf\n\nEnde')) collector.push(Buffer.from([byte]));
    expect(lines).toEqual(['eins', 'zwölf', '']);
    expect(collector.end()).toBe('eins\nzwölf\n\nEnde');
    expect(lines).toEqual(['eins', 'zwölf', '', 'Ende']);
  });
});

describe('words in messages', () => {
  it('shows the last lines', () => expect(lastLines('a\nb\nc\n\n', 2)).toBe('b\nc'));
  for (const [bytes, text] of [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [432_013_312, '412 MiB'],
    [3 * 1024 ** 4, '3.0 TiB'],
  ] as const) {
    it(`writes ${bytes} bytes as ${text}`, () => expect(formatBytes(bytes)).toBe(text));
  }
});
