/**
 * One POSIX shell word per argument, joined by spaces; any character but NUL survives.
 * @throws TypeError on an empty argv or a NUL character, which no program can be given
 */
export function quoteArgv(argv: readonly string[]): string {
  if (argv.length === 0) throw new TypeError('an empty argv names no program');
  return argv.map(quoteWord).join(' ');
}

function quoteWord(word: string): string {
  if (word.includes('\0'))
    throw new TypeError(`an argument cannot hold a NUL character: ${JSON.stringify(word)}`);
  return /^[A-Za-z0-9_/.,:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

const LONGEST_SHOWN_WORD = 60;

/** The same for a message: on one line, a script or another long argument cut short. Not for running. */
export function describeArgv(argv: readonly string[]): string {
  return argv
    .map(word => {
      const [firstLine = ''] = word.split('\n');
      const shown = firstLine.slice(0, LONGEST_SHOWN_WORD);
      return shown === word ? quoteWord(word) : quoteWord(`${shown}…`);
    })
    .join(' ');
}
