import {stripVTControlCharacters} from 'node:util';

export interface Column {
  readonly title: string;
  /** Numbers stand right. Default left. */
  readonly align?: 'left' | 'right';
  /** Narrowest width to which the column may be cut when the table is too wide; columns without it are never cut. */
  readonly shrinksTo?: number;
  /** Prose: goes on in further lines instead of being cut. The last column only. */
  readonly isWrapped?: boolean;
}

/** Where people do not watch (a pipe, a log), lines are made for this many columns. */
const PIPED_WIDTH = 100;
const GAP = '  ';

export function widthOf(stream: {readonly isTTY?: boolean; readonly columns?: number}): number {
  return stream.isTTY === true ? Math.max(40, stream.columns ?? PIPED_WIDTH) : PIPED_WIDTH;
}

/** A table with a heading line, as wide as its content but never wider than `width`: cells are cut in their middle or wrapped. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = PIPED_WIDTH,
): string {
  const cells = [columns.map(column => column.title), ...rows.map(row => row.map(plainText))];
  const widths = fitWidths(
    columns,
    columns.map((_, at) => Math.max(...cells.map(row => lengthOf(row[at] ?? '')))),
    width,
  );
  return cells
    .flatMap(row => linesOf(columns, widths, row))
    .map(row => {
      const line = columns.map((column, at) => {
        const cell = shorten(row[at] ?? '', widths[at] ?? 0);
        const padding = ' '.repeat((widths[at] ?? 0) - lengthOf(cell));
        return column.align === 'right' ? padding + cell : cell + padding;
      });
      return shorten(line.join(GAP).trimEnd(), width);
    })
    .join('\n');
}

/** A row, and below it what its wrapped cell has too much for one line. */
function linesOf(columns: readonly Column[], widths: readonly number[], row: readonly string[]): string[][] {
  const last = columns.length - 1;
  if (columns[last]?.isWrapped !== true) return [[...row]];
  const [first = '', ...more] = wrapText(row[last] ?? '', widths[last]).split('\n');
  const blank = row.slice(0, last).map(() => '');
  return [[...row.slice(0, last), first], ...more.map(text => [...blank, text])];
}

/** A number and its unit stay on one line. */
const WORD_GAP = /(?<!\d) | (?!(?:[kMGT]?(?:B|bit)(?:\/s)?|ms|s|min|h|%|[kMGTP])(?![A-Za-z]))/;

/** Wraps prose at spaces; a word longer than the line stands alone. Further lines start with `indent`. */
export function wrapText(text: string, width = PIPED_WIDTH, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of plainText(text).split(WORD_GAP)) {
    if (line !== '' && line.trim() !== '' && lengthOf(line) + 1 + lengthOf(word) > width) {
      lines.push(line);
      line = indent + word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join('\n');
}

/** Cut in the middle: both ends of a layer's name tell it apart from its neighbours. */
export function shorten(text: string, width: number): string {
  const points = [...text];
  if (points.length <= width) return text;
  if (width <= 1) return points.slice(0, width).join('');
  const front = Math.ceil((width - 1) / 2);
  const back = width - 1 - front;
  return `${points.slice(0, front).join('')}…${back === 0 ? '' : points.slice(-back).join('')}`;
}

/** Names come from model files and devices: none may move the cursor or break a line. */
export function plainText(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what must go
  return stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

function fitWidths(columns: readonly Column[], natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1));
  while (total() > width) {
    // The widest column that may still shrink gives first.
    let widest = -1;
    columns.forEach((column, at) => {
      const mayShrink = column.shrinksTo !== undefined && (widths[at] ?? 0) > column.shrinksTo;
      if (mayShrink && (widest === -1 || (widths[at] ?? 0) > (widths[widest] ?? 0))) widest = at;
    });
    if (widest === -1) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function lengthOf(text: string): number {
  return [...text].length;
}
