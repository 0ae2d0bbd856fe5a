import {EXIT, ExpectedError} from '../errors.ts';

/** One thing wrong in a document, at 1-based line and column. */
export interface DocumentProblem {
  readonly line: number;
  readonly column: number;
  /** What was seen, and what was expected. */
  readonly text: string;
}

const SHOWN_PROBLEMS = 50;

/** All problems of one document in one error, each as file:line:column, in the document's order. */
export function errorFromProblems(
  fileName: string,
  problems: readonly DocumentProblem[],
  hints: readonly string[] = [],
): ExpectedError {
  const lines = [...problems]
    .sort((left, right) => left.line - right.line || left.column - right.column)
    .map(({line, column, text}) => `${fileName}:${line}:${column}: ${text}`);
  const shown = lines.slice(0, SHOWN_PROBLEMS);
  if (shown.length < lines.length) shown.push(`and ${lines.length - shown.length} more`);
  const message =
    shown.length === 1 ? shown.join('') : `${fileName} has ${lines.length} problems:\n${shown.join('\n')}`;
  return new ExpectedError('invalid-document', message, EXIT.invalidDocument, {hints});
}
