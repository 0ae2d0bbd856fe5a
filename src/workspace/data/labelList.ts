import {readFile} from 'node:fs/promises';
import {extname} from 'node:path';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {refuseMissing} from './fileBytes.ts';

/** One line of a list: an image, as written, and its label, where the list has labels. */
export interface ListedFile {
  readonly file: string;
  readonly label: string | null;
  readonly line: number;
}

const DELIMITERS: Readonly<Record<string, string>> = {'.tsv': '\t', '.txt': ' '};

/**
 * Reads `file,label` lines: commas, tabs in .tsv, blanks in .txt (as ImageNet's val.txt). A first line with the words
 * file or label names the columns; without one the file comes first.
 * @throws ExpectedError `no-such-file`, `labels-mismatch` (exit 2) with the line
 */
export async function readLabelList(path: string): Promise<ListedFile[]> {
  const text = await readFile(path, 'utf8').catch(error => refuseMissing(error, path));
  const {parse} = await import('csv-parse/sync');
  let rows: {record: string[]; info: {lines: number}}[];
  try {
    rows = parse(text, {
      bom: true,
      delimiter: DELIMITERS[extname(path).toLowerCase()] ?? ',',
      info: true,
      relaxColumnCount: true,
      skipEmptyLines: true,
      trim: true,
    }) as unknown as typeof rows;
  } catch (error) {
    throw new ExpectedError('labels-mismatch', `${path} is not a list: ${messageOf(error)}.`, EXIT.usage, {
      cause: error,
    });
  }
  const names = rows[0]?.record.map(name => name.toLowerCase()) ?? [];
  const isHeader = names.includes('file') || names.includes('label');
  const fileColumn = isHeader ? names.indexOf('file') : 0;
  const labelColumn = isHeader ? names.indexOf('label') : 1;
  return rows.slice(isHeader ? 1 : 0).map(({record, info}) => ({
    file: record[fileColumn] ?? '',
    label: record[labelColumn] ?? null,
    line: info.lines,
  }));
}
