import {DOCUMENT_KINDS, DOCUMENT_SCHEMAS, FORMAT_VERSION, wordsForKind} from './documentKinds.ts';
import type {DocumentKind, DocumentOf} from './documentKinds.ts';
import {messageOf} from '../errors.ts';
import {errorFromProblems} from './documentProblem.ts';
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
export const costsFromYaml = (text: string, fileName: string) => readDocument('costs', text, fileName);
export const planFromYaml = (text: string, fileName: string) => readDocument('plan', text, fileName);

/** As it lies on the device: JSON only. @throws ExpectedError `invalid-document` */
export function releaseFromJson(text: string, fileName: string): DocumentOf<'release'> {
  // JSON is YAML too, and the YAML parser tells places where JSON.parse often does not: it goes first.
  const release = readDocument('release', text, fileName);
  try {
    JSON.parse(text);
  } catch (error) {
    const problem = {line: 1, column: 1, text: `not JSON: ${messageOf(error)}, expected a JSON document`};
    throw errorFromProblems(fileName, [problem]);
  }
  return release;
}

export const shipmentFromJson = (text: string, fileName: string) => readDocument('shipment', text, fileName);
export const rolloutFromJson = (text: string, fileName: string) => readDocument('rollout', text, fileName);

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
    const other = DOCUMENT_KINDS.find(name => `edgewise/${name}` === seenKind);
    const nearest =
      typeof seenKind === 'string' && other === undefined ? nearestWord(seenKind, kinds) : undefined;
    const text =
      other === undefined
        ? `kind is ${describeValue(seenKind)}, expected "${expected}"`
        : `this is a ${wordsForKind(other)} (kind "edgewise/${other}"), expected a ${wordsForKind(kind)} (kind "${expected}")`;
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
      [isWrittenByHand(kind) ? 'Set formatVersion: 1.' : `Make the ${kind} again with this edgewise.`],
    );
}

function isWrittenByHand(kind: DocumentKind): boolean {
  return kind === 'project' || kind === 'costs';
}
