import {LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument, visit} from 'yaml';
import type {Document, ErrorCode, Node, Pair, YAMLMap} from 'yaml';
import {messageOf} from '../errors.ts';
import {errorFromProblems} from './documentProblem.ts';
import type {DocumentProblem} from './documentProblem.ts';

/** A document is a file people read: what is larger than this is something else. */
const LONGEST_TEXT = 64 * 2 ** 20;
/** Aliases multiply: a few hundred bytes can stand for gigabytes. */
const MOST_ALIASES = 100;
const SHOWN_LINE = 60;
const SHOWN_SYNTAX_ERRORS = 3;

type Path = readonly PropertyKey[];
type Place = Pick<DocumentProblem, 'line' | 'column'>;

/** A parsed YAML (or JSON) text that remembers where everything stands. */
export class YamlSource {
  readonly value: unknown;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;

  /** @throws ExpectedError `invalid-document` with all syntax errors and repeated keys of the text */
  constructor(text: string, fileName: string) {
    if (text.length > LONGEST_TEXT)
      throw errorFromProblems(fileName, [
        {
          line: 1,
          column: 1,
          text: `the file has ${text.length} characters, expected at most ${LONGEST_TEXT}`,
        },
      ]);
    this.#lines = new LineCounter();
    const [document, value] = this.#parse(text, fileName);
    this.#document = document;
    this.value = value;
  }

  #parse(text: string, fileName: string): [Document.Parsed, unknown] {
    let document: Document.Parsed;
    try {
      document = parseDocument(text, {
        lineCounter: this.#lines,
        prettyErrors: false,
        merge: true,
        stringKeys: true,
      });
    } catch (error) {
      // The parser recurses: a text of nothing but brackets exhausts the stack.
      throw errorFromProblems(fileName, [
        {line: 1, column: 1, text: `the text cannot be parsed: ${messageOf(error)}`},
      ]);
    }
    if (document.errors.length > 0) throw errorFromProblems(fileName, this.#syntaxProblems(document, text));
    const unknown = this.#unknownAliases(document);
    if (unknown.length > 0) throw errorFromProblems(fileName, unknown);
    try {
      return [document, document.toJS({maxAliasCount: MOST_ALIASES})];
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      const place = {line: 1, column: 1};
      const text = `the aliases repeat too much of the text, expected at most ${MOST_ALIASES} repetitions`;
      throw errorFromProblems(fileName, [{...place, text}]);
    }
  }

  #unknownAliases(document: Document.Parsed): DocumentProblem[] {
    const problems: DocumentProblem[] = [];
    const anchors = new Set<string>();
    visit(document, {
      Node: (_, node) => {
        if (!isAlias(node)) {
          if (node.anchor !== undefined) anchors.add(node.anchor);
        } else if (!anchors.has(node.source))
          problems.push({
            ...this.#placeOf(node.range?.[0] ?? 0),
            text: `alias *${node.source} has no anchor before it, expected &${node.source} further up`,
          });
      },
    });
    return problems;
  }

  #syntaxProblems(document: Document.Parsed, text: string): DocumentProblem[] {
    const tooDeep = document.errors.find(error => error.code === 'RESOURCE_EXHAUSTION');
    if (tooDeep !== undefined)
      return [{...this.#placeOf(tooDeep.pos[0]), text: 'the text is nested too deeply, expected a document'}];
    const repeated = document.errors.filter(error => error.code === 'DUPLICATE_KEY');
    // One slip of punctuation makes the parser stumble many times over: the first places are the true ones.
    const others = document.errors
      .filter(error => error.code !== 'DUPLICATE_KEY')
      .filter(({pos}, index, errors) => errors.findIndex(other => other.pos[0] === pos[0]) === index)
      .slice(0, SHOWN_SYNTAX_ERRORS);
    return [...repeated, ...others].map(({code, message, pos}) => ({
      ...this.#placeOf(pos[0]),
      text: wordsForError(code, message, text, pos[0]),
    }));
  }

  /** Where the value at `path` starts; where its nearest ancestor does when it has no text of its own. */
  placeOfValue(path: Path): Place {
    const found = this.#find(path);
    return this.#placeOf(startOf(found.node) ?? startOf(found.key) ?? 0);
  }

  /** Where the key at `path` stands; an item of a list and the whole document have none, so there it is their start. */
  placeOfKey(path: Path): Place {
    const found = this.#find(path);
    return this.#placeOf(startOf(found.key) ?? startOf(found.node) ?? 0);
  }

  /** The keys of the mapping at `path`, in the text's order. */
  keysAt(path: Path): string[] {
    const {node} = this.#find(path);
    return isMap(node) ? node.items.map(pair => keyText(pair)) : [];
  }

  #find(path: Path): {node: Node | null; key: Node | null} {
    let node: Node | null = this.#document.contents;
    let key: Node | null = null;
    for (const step of path) {
      const container = this.#resolve(node);
      if (isMap(container)) {
        const pair = this.#pairOf(container, String(step));
        if (pair === undefined) break;
        key = pair.key as Node;
        node = (pair.value as Node | null) ?? null;
      } else if (isSeq(container)) {
        const item = container.items[Number(step)] as Node | undefined;
        if (item === undefined) break;
        key = null;
        node = item;
      } else break;
    }
    return {node, key};
  }

  /** A key that came in through a merge (`<<`) is found where the anchor defines it. */
  #pairOf(mapping: YAMLMap, key: string): Pair | undefined {
    const own = mapping.items.find(pair => keyText(pair) === key);
    if (own !== undefined) return own;
    for (const pair of mapping.items) {
      if (keyText(pair) !== '<<') continue;
      const merged = this.#resolve(pair.value as Node | null);
      const sources = isSeq(merged) ? merged.items.map(item => this.#resolve(item as Node)) : [merged];
      for (const source of sources) {
        const found = isMap(source) ? this.#pairOf(source, key) : undefined;
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  #resolve(node: Node | null): Node | null {
    return isAlias(node) ? (node.resolve(this.#document) ?? null) : node;
  }

  #placeOf(offset: number): Place {
    const {line, col} = this.#lines.linePos(offset);
    return {line: Math.max(1, line), column: Math.max(1, col)};
  }
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function startOf(node: Node | null): number | undefined {
  return node?.range?.[0];
}

function lineFrom(text: string, offset: number): string {
  const end = text.indexOf('\n', offset);
  return text.slice(offset, end < 0 ? undefined : end).trimEnd();
}

function wordsForError(code: ErrorCode, message: string, text: string, offset: number): string {
  const line = lineFrom(text, offset);
  if (code === 'DUPLICATE_KEY') {
    const key = /^("[^"]*"|'[^']*'|[^:]*)/.exec(line)?.[1] ?? '';
    return `key "${key.trim().replace(/^["']|["']$/g, '')}" stands twice in one mapping, expected once`;
  }
  if (code === 'MULTIPLE_DOCS') return 'a second document starts here, expected one document in the file';
  if (code === 'NON_STRING_KEY') return 'this key is a list or a mapping, expected a plain word';
  const near = line.length > SHOWN_LINE ? `${line.slice(0, SHOWN_LINE - 1)}…` : line;
  return `cannot be parsed: ${message.charAt(0).toLowerCase()}${message.slice(1)}${near === '' ? '' : `, near ${JSON.stringify(near)}`}`;
}
