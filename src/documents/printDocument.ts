import {Document, isMap, isScalar, isSeq, visit} from 'yaml';
import type {Node, YAMLMap, YAMLSeq} from 'yaml';
import {DOCUMENT_SCHEMAS} from './documentKinds.ts';
import type {DocumentKind, DocumentOf} from './documentKinds.ts';
import {EXACT} from './exactNumber.ts';
import {containerOf, formOfMapping, jsonSchemaOf} from './jsonSchemas.ts';
import type {JsonSchema} from './jsonSchemas.ts';

/** More digits than any of our measurements has, few enough that a plan can be read. */
const SIGNIFICANT_DIGITS = 6;

/**
 * A document as YAML: keys in the schema's order, records by name, floats with 6 significant digits, whole numbers and
 * those that the schema calls exact with all of theirs. The same document gives the same bytes; reading the text back gives the arranged document.
 * @throws Error when the document does not fit its schema, which is our bug
 */
export function yamlFromDocument<K extends DocumentKind>(kind: K, document: DocumentOf<K>): string {
  const yaml = new Document(arrangeDocument(kind, document), {aliasDuplicateObjects: false});
  visit(yaml, {
    Seq: (_, sequence) => {
      printRowsOnOneLine(sequence as YAMLSeq<Node>);
    },
  });
  return yaml.toString({lineWidth: 0, flowCollectionPadding: false});
}

/** The same arrangement as indented JSON, for what machines read. @throws Error when it does not fit its schema */
export function jsonFromDocument<K extends DocumentKind>(kind: K, document: DocumentOf<K>): string {
  return `${JSON.stringify(arrangeDocument(kind, document), null, 2)}\n`;
}

/** The document as it will be read back: checked, keys in order, numbers rounded. */
export function arrangeDocument<K extends DocumentKind>(kind: K, document: DocumentOf<K>): DocumentOf<K> {
  return arrangeValue(DOCUMENT_SCHEMAS[kind].parse(document), jsonSchemaOf(kind)) as DocumentOf<K>;
}

function arrangeValue(value: unknown, schema: JsonSchema): unknown {
  if (typeof value === 'number') return schema[EXACT] ? value : roundNumber(value);
  if (Array.isArray(value)) {
    const items = containerOf(schema, 'array')?.items ?? {};
    return value.map(item => arrangeValue(item, items));
  }
  if (typeof value !== 'object' || value === null) return value;
  const given = value as Readonly<Record<string, unknown>>;
  const mapping = formOfMapping(schema, given);
  const inOrder =
    mapping.properties === undefined ? Object.keys(given).sort() : Object.keys(mapping.properties);
  const other = typeof mapping.additionalProperties === 'object' ? mapping.additionalProperties : {};
  return Object.fromEntries(
    inOrder
      .filter(key => Object.hasOwn(given, key) && given[key] !== undefined)
      .map(key => [key, arrangeValue(given[key], mapping.properties?.[key] ?? other)]),
  );
}

function roundNumber(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(SIGNIFICANT_DIGITS));
}

/** A list of rows is a table: one line each keeps it readable and makes a changed row one changed line. */
function printRowsOnOneLine(sequence: YAMLSeq<Node>): void {
  if (
    sequence.items.length > 0 &&
    sequence.items.every(isScalar) &&
    sequence.items.every(item => typeof item.value === 'number')
  )
    sequence.flow = true;
  for (const item of sequence.items) if (isMap(item) && isRow(item)) item.flow = true;
}

function isRow(mapping: YAMLMap): boolean {
  return mapping.items.every(
    ({value}) =>
      value === null ||
      isScalar(value) ||
      (isSeq(value) && value.items.every(item => isScalar(item) && typeof item.value === 'number')),
  );
}
