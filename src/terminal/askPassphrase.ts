import {createInterface} from 'node:readline/promises';
import {Writable} from 'node:stream';

/** Asks on the terminal without echoing what is typed; Ctrl-C declines. Only for use where stdin is a terminal. */
export async function askPassphrase(keyFile: string): Promise<string | undefined> {
  process.stderr.write(`Passphrase for ${keyFile}: `);
  const silent = new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });
  const reader = createInterface({input: process.stdin, output: silent, terminal: true});
  const abort = new AbortController();
  reader.once('SIGINT', () => abort.abort());
  try {
    return await reader.question('', {signal: abort.signal});
  } catch {
    return undefined;
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}
