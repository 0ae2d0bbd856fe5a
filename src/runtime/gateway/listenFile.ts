import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';

/**
 * Where the gateway is to listen, as whoever set it up says in `listen.json`.
 * @throws ExpectedError `invalid-listen-file`
 */
export async function readListenFile(home: string): Promise<{readonly host: string; readonly port: number}> {
  const file = join(home, 'listen.json');
  let why: string;
  try {
    const {host, port} = JSON.parse(await readFile(file, 'utf8')) as {host?: unknown; port?: unknown};
    if (typeof host === 'string' && typeof port === 'number' && Number.isInteger(port) && port > 0)
      return {host, port};
    why = 'it needs a "host" and a "port"';
  } catch (error) {
    why = messageOf(error);
  }
  throw new ExpectedError(
    'invalid-listen-file',
    `${file} does not say where to listen: ${why}.`,
    EXIT.invalidDocument,
  );
}
