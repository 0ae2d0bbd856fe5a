import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import ts from 'typescript';
import {EXIT} from '../../src/errors.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface ErrorCode {
  readonly code: string;
  /** Exit codes it is thrown with, where the source names them. */
  readonly exits: readonly number[];
  /** Files that throw it, relative to the repository. */
  readonly files: readonly string[];
}

/**
 * Every error code in the sources: the string literals in the first argument of `new ExpectedError`. An argument
 * without a literal hands on a code that was written elsewhere: `forwards` lists those places.
 */
export function collectErrorCodes(): {codes: ErrorCode[]; forwards: string[]} {
  const found = new Map<string, {exits: Set<number>; files: Set<string>}>();
  const forwards: string[] = [];
  for (const entry of readdirSync(join(root, 'src'), {recursive: true, encoding: 'utf8'}).sort()) {
    if (!entry.endsWith('.ts')) continue;
    const file = `src/${entry}`;
    const source = ts.createSourceFile(
      file,
      readFileSync(join(root, file), 'utf8'),
      ts.ScriptTarget.ES2023,
      true,
    );
    const visit = (node: ts.Node): void => {
      if (ts.isNewExpression(node) && node.expression.getText() === 'ExpectedError') {
        const [first, , exit] = node.arguments ?? [];
        const codes = first === undefined ? [] : literalsOf(first);
        if (codes.length === 0) forwards.push(`${file}: ${first?.getText() ?? ''}`);
        for (const code of codes) {
          const entryOfCode = found.get(code) ?? {exits: new Set<number>(), files: new Set<string>()};
          for (const value of exit === undefined ? [] : exitsOf(exit)) entryOfCode.exits.add(value);
          entryOfCode.files.add(file);
          found.set(code, entryOfCode);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  const codes = [...found]
    .map(([code, {exits, files}]) => ({code, exits: [...exits].sort((a, b) => a - b), files: [...files]}))
    .sort((a, b) => (a.code < b.code ? -1 : 1));
  return {codes, forwards};
}

function literalsOf(node: ts.Node): string[] {
  if (ts.isStringLiteral(node)) return [node.text];
  // The condition of `a ? 'x' : 'y'` decides between codes; it is none.
  if (ts.isConditionalExpression(node)) return [...literalsOf(node.whenTrue), ...literalsOf(node.whenFalse)];
  if (ts.isBinaryExpression(node)) return [...literalsOf(node.left), ...literalsOf(node.right)];
  return [];
}

function exitsOf(node: ts.Node): number[] {
  const exits: number[] = [];
  const visit = (each: ts.Node): void => {
    if (ts.isPropertyAccessExpression(each) && each.expression.getText() === 'EXIT') {
      exits.push(EXIT[each.name.text as keyof typeof EXIT]);
    }
    ts.forEachChild(each, visit);
  };
  visit(node);
  return exits;
}
