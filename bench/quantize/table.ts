/** Prints tables row by row, as they are measured, and remembers whether any bar was missed. */
export interface TablePrinter {
  start(title: string, bar: string, columns: readonly string[]): TableRows;
  hasMissed(): boolean;
}

export interface TableRows {
  /** `isMet` is left out where no bar holds. */
  add(cells: readonly string[], isMet?: boolean): void;
}

const NAME_WIDTH = 22;
const WIDTH = 19;

export function startTables(print: (line: string) => void): TablePrinter {
  let missed = 0;
  const line = ([first = '', ...rest]: readonly string[]): string =>
    [first.padEnd(NAME_WIDTH), ...rest.map(cell => cell.padStart(WIDTH))].join(' ').trimEnd();
  return {
    start(title, bar, columns) {
      print(`\n${title}\nbar: ${bar}\n${line([...columns, 'bar'])}`);
      return {
        add(cells, isMet) {
          if (isMet === false) missed += 1;
          print(line([...cells, isMet === undefined ? '-' : isMet ? 'met' : 'MISSED']));
        },
      };
    },
    hasMissed: () => missed > 0,
  };
}

/** `median [first quartile, third quartile]` */
export function spreadOf(values: readonly number[]): string {
  const at = (share: number): string => quantile(values, share).toFixed(2);
  return `${at(0.5)} [${at(0.25)}, ${at(0.75)}]`;
}

/** By linear interpolation between the two nearest values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? NaN;
  const above = sorted[Math.ceil(place)] ?? NaN;
  return below + (above - below) * (place - Math.floor(place));
}
