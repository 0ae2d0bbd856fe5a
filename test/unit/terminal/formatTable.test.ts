import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {formatTable, plainText, shorten, widthOf, wrapText} from '../../../src/terminal/formatTable.ts';

const lengthOf = (text: string) => [...text].length;

describe('tables', () => {
  it('put words left and numbers right', () => {
    const table = formatTable(
      [{title: 'layer'}, {title: 'ms', align: 'right'}],
      [
        ['conv1', '3.10'],
        ['a', '12.00'],
      ],
    );
    expect(table).toBe(['layer     ms', 'conv1   3.10', 'a      12.00'].join('\n'));
  });

  it('cut the widest column that may be cut, in its middle', () => {
    const table = formatTable(
      [
        {title: 'name', shrinksTo: 6},
        {title: 'size', align: 'right'},
      ],
      [['a-very-long-layer-name', '10 kB']],
      20,
    );
    expect(table.split('\n')).toEqual(['name            size', 'a-very…r-name  10 kB']);
  });

  it('are never wider than they may be', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({unit: 'grapheme', maxLength: 80}), fc.string({maxLength: 90})), {
          maxLength: 6,
        }),
        fc.integer({min: 20, max: 120}),
        (rows, width) => {
          const lines = formatTable(
            [
              {title: 'a', shrinksTo: 3},
              {title: 'b', align: 'right'},
            ],
            rows,
            width,
          ).split('\n');
          expect(lines).toHaveLength(rows.length + 1);
          for (const line of lines) expect(lengthOf(line)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  it('are 100 wide in a pipe and as wide as a terminal', () => {
    expect(widthOf({columns: 200})).toBe(100);
    expect(widthOf({isTTY: true, columns: 200})).toBe(200);
    expect(widthOf({isTTY: true, columns: 0})).toBe(40);
  });
});

describe('text', () => {
  it('loses what could move the cursor or break a line', () => {
    expect(plainText('a\u001b[2Jb\nc\u0007d\u009b')).toBe('ab c d ');
  });

  it('is wrapped at spaces, further lines indented', () => {
    expect(wrapText('one two three four', 9, '  ')).toBe('one two\n  three\n  four');
    expect(wrapText('averylongword b', 5)).toBe('averylongword\nb');
  });

  it.each([
    ['abcdefgh', 8, 'abcdefgh'],
    ['abcdefgh', 7, 'abc…fgh'],
    ['abcdefgh', 2, 'a…'],
    ['abcdefgh', 1, 'a'],
    ['abcdefgh', 0, ''],
  ])('%s in %d columns is %s', (text, width, expected) => expect(shorten(text, width)).toBe(expected));
});
