import {DOCUMENT_KINDS, DOCUMENT_SCHEMAS, FORMAT_VERSION} from './documentKinds.ts';
import type {DocumentKind, DocumentOf} from './documentKinds.ts';
import {messageOf} from '../errors.ts';
import {errorFromProblems} from './documentProblem.ts';
import type {DocumentProblem} from './documentProblem.ts';
import {jsonSchemaOf} from './jsonSchemas.ts';
import {nearestWord} from './nearestWord.ts';
import {describeValue, problemsFromIssues} from './problemsFromIssues.ts';
import {YamlSource} from './yamlSource.ts';

/**
 * A document of one kind from YAML text (JSON is YAML too); `fileName` is for messages only.
 * @throws ExpectedError `invalid-document` (exit 10) with every problem as file:line:column, seen and expected
 */
export function readDocument<K extends DocumentKind>(kind: K, text: string, fileName: string): DocumentOf<K> {
  const source = new YamlSource(text, fileName);
  requireKind(kind, source, fileName);
  const result = DOCUMENT_SCHEMAS[kind].safeParse(source.value, {reportInput: true});
  if (result.success) return result.data as DocumentOf<K>;
  throw errorFromProblems(fileName, problemsFromIssues(result.error.issues, source, jsonSchemaOf(kind)));
}

export const projectFromYaml = (text: string, fileName: string) => readDocument('project', text, fileName);
export const profileFromYaml = (text: string, fileName: string) => readDocument('profile', text, fileName);
export const buildFromYaml = (text: string, fileName: string) => readDocument('build', text, fileName);
export const planFromYaml = (text: string, fileName: string) => readDocument('plan', text, fileName);
export const releaseFromYaml = (text: string, fileName: string) => readDocument('release', text, fileName);

/** As it lies on the device: strict JSON. @throws ExpectedError `invalid-document` */
export function releaseFromJson(text: string, fileName: string): DocumentOf<'release'> {
  try {
    JSON.parse(text);
  } catch (error) {
    throw errorFromProblems(fileName, [jsonSyntaxProblem(text, messageOf(error))]);
  }
  return readDocument('release', text, fileName);
}

/** Another kind or version first and alone: measured against the wrong schema, everything else would be wrong too. */
function requireKind(kind: DocumentKind, source: YamlSource, fileName: string): void {
  const {value} = source;
  const expected = `edgewise/${kind}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const seen =
      value === null || value === undefined ? 'the file is empty' : `the file holds ${describeValue(value)}`;
    throw errorFromProblems(fileName, [
      {...source.placeOfValue([]), text: `${seen}, expected a mapping that starts with kind: ${expected}`},
    ]);
  }
  const {kind: seenKind, formatVersion} = value as {kind?: unknown; formatVersion?: unknown};
  if (seenKind !== undefined && seenKind !== expected) {
    const kinds = DOCUMENT_KINDS.map(name => `edgewise/${name}`);
    const other = typeof seenKind === 'string' ? kinds.find(name => name === seenKind) : undefined;
    const nearest =
      typeof seenKind === 'string' && other === undefined ? nearestWord(seenKind, kinds) : undefined;
    const text =
      other === undefined
        ? `kind is ${describeValue(seenKind)}, expected "${expected}"`
        : `this is a ${other.slice('edgewise/'.length)} (kind "${other}"), expected a ${kind} (kind "${expected}")`;
    // A mere misspelling leaves the rest worth reading.
    if (nearest !== expected) throw errorFromProblems(fileName, [{...source.placeOfValue(['kind']), text}]);
  }
  if (formatVersion !== undefined && formatVersion !== FORMAT_VERSION)
    throw errorFromProblems(
      fileName,
      [
        {
          ...source.placeOfValue(['formatVersion']),
          text: `formatVersion is ${describeValue(formatVersion)}, expected ${FORMAT_VERSION}, the version this edgewise reads`,
        },
      ],
      [kind === 'project' ? 'Set formatVersion: 1.' : `Make the ${kind} again with this edgewise.`],
    );
}

/** JSON.parse tells where it stopped in its message only; without an offset there the text ended too early. */
function jsonSyntaxProblem(text: string, message: string): DocumentProblem {
  const offset = Number(/position (\d+)/.exec(message)?.[1] ?? text.length);
  const before = text.slice(0, offset).split('\n');
  const what = message.replace(/ in JSON at position.*$/s, '').replace(/, "[\s\S]*$/, '');
  return {
    line: before.length,
    column: (before.at(-1) ?? '').length + 1,
    text: `not JSON: ${what}, expected a JSON document`,
  };
}
