import {readFile} from 'node:fs/promises';
import {EXIT, ExpectedError} from '../errors.ts';

/** What `-` reads, as messages name it. */
const STANDARD_INPUT = 'stdin';

/**
 * The text of a document that the user named on the command line, `-` being standard input, and its name for messages.
 * @throws ExpectedError `no-such-file`
 */
export async function readDocumentInput(file: string): Promise<{text: string; name: string}> {
  if (file === '-') {
    const chunks: Uint8Array[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
    return {text: Buffer.concat(chunks).toString('utf8'), name: STANDARD_INPUT};
  }
  try {
    return {text: await readFile(file, 'utf8'), name: file};
  } catch (error) {
    throw new ExpectedError('no-such-file', `There is no readable file ${file}.`, EXIT.usage, {cause: error});
  }
}
