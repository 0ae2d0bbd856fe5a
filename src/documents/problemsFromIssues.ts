import type {z} from 'zod';
import type {DocumentProblem} from './documentProblem.ts';
import {containerOf, schemaAt} from './jsonSchemas.ts';
import type {JsonSchema} from './jsonSchemas.ts';
import {nearestWord} from './nearestWord.ts';
import type {YamlSource} from './yamlSource.ts';

type Issue = z.core.$ZodIssue;

/** zod's issues as sentences with places: what was seen, what was expected. */
export function problemsFromIssues(
  given: readonly Issue[],
  source: YamlSource,
  schema: JsonSchema,
): DocumentProblem[] {
  const issues = given.flatMap(issue => issuesOfMeantForm(issue));
  const problems: DocumentProblem[] = [];
  // A misspelt required key is one mistake: it is told as a misspelling, not as a missing key besides.
  const suggested = new Set<string>();
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const mapping = containerOf(schemaAt(schema, issue.path) ?? {}, 'object');
    const known = Object.keys(mapping?.properties ?? {});
    const present = source.keysAt(issue.path);
    const free = known.filter(key => !present.includes(key));
    for (const key of issue.keys) {
      const nearest = nearestWord(key, free) ?? nearestWord(key, known);
      if (nearest !== undefined) suggested.add(JSON.stringify([...issue.path, nearest]));
      const expected =
        nearest === undefined
          ? `expected ${listKeys(free.length > 0 ? free : known)}`
          : `did you mean "${nearest}"?`;
      problems.push({
        ...source.placeOfKey([...issue.path, key]),
        text: `unknown key "${key}"${nameOfParent(issue.path)}, ${expected}`,
      });
    }
  }
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') continue;
    if (isMissing(issue)) {
      if (suggested.has(JSON.stringify(issue.path))) continue;
      const parent = issue.path.slice(0, -1);
      const key = String(issue.path.at(-1));
      problems.push({
        ...source.placeOfKey(parent),
        text: `key "${key}"${nameOfParent(parent)} is missing, expected ${expectationOf(issue)}${orNull(issue, schema)}`,
      });
    } else {
      const name = nameOfPath(issue.path) + nameOfItem(issue.path, source.value);
      problems.push({
        ...source.placeOfValue(issue.path),
        text: `${name === '' ? '' : `${name} is `}${describeValue(issue.input)}, expected ${expectationOf(issue)}${orNull(issue, schema)}`,
      });
    }
  }
  return problems;
}

/**
 * Where a value may have several forms (a path or a mapping), the issues of the form that was meant: the first one
 * whose kind of value is right. When none is, the issue stays what it is.
 */
function issuesOfMeantForm(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.find(form => !form.some(isOfAnotherKind));
  if (meant === undefined) return [issue];
  return meant.flatMap(inner => issuesOfMeantForm({...inner, path: [...issue.path, ...inner.path]}));
}

function isOfAnotherKind({code, path}: Issue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
}

function isMissing(issue: Issue): boolean {
  return (
    issue.input === undefined &&
    issue.path.length > 0 &&
    (issue.code === 'invalid_type' || issue.code === 'invalid_value')
  );
}

/** What was seen, in the words of someone who looks at the file. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return 'empty';
  if (typeof value === 'string') {
    const shown = value.length > 60 ? `${value.slice(0, 57)}…` : value;
    return `the string ${JSON.stringify(shown)}`;
  }
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'a mapping';
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function expectationOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_WORDS[issue.expected] ?? issue.expected;
    case 'invalid_value': {
      const values = issue.values.map(value => (typeof value === 'string' ? `"${value}"` : String(value)));
      return values.length === 1 ? values.join('') : `one of ${values.join(', ')}`;
    }
    case 'too_small':
      return boundOf(
        issue.origin,
        Number(issue.minimum),
        issue.inclusive === false ? 'more than' : 'at least',
      );
    case 'too_big':
      return boundOf(
        issue.origin,
        Number(issue.maximum),
        issue.inclusive === false ? 'less than' : 'at most',
      );
    case 'invalid_format':
      if (issue.format === 'url') return 'a URL such as http://cloud.example:8000';
      if (issue.format === 'datetime') return 'a time such as 2026-01-31T12:00:00Z';
      return issue.message.replace(/^expected /, '');
    case 'invalid_union': {
      const forms = issue.errors.flatMap(form => form.filter(isOfAnotherKind).slice(0, 1).map(expectationOf));
      return forms.length === 0 ? issue.message.replace(/^expected /, '') : [...new Set(forms)].join(' or ');
    }
    default:
      return issue.message.replace(/^expected /, '');
  }
}

/** zod tells a value that may be null by its type alone. */
function orNull({code, path}: Issue, schema: JsonSchema): string {
  const mayBeNull = schemaAt(schema, path)?.anyOf?.some(({type}) => type === 'null') === true;
  return code === 'invalid_type' && mayBeNull ? ' or null' : '';
}

function boundOf(origin: string, bound: number, words: string): string {
  if (origin === 'string')
    return bound === 1 && words === 'at least'
      ? 'a string that is not empty'
      : `a string of ${words} ${bound} characters`;
  if (origin === 'array') return `a list of ${words} ${bound}`;
  return `${words} ${bound}`;
}

/** `devices[0].name`, as people write paths into documents. */
export function nameOfPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (name, step) =>
      typeof step === 'number' ? `${name}[${step}]` : name === '' ? String(step) : `${name}.${String(step)}`,
    '',
  );
}

/** ` of "conv1"` for what lies in a mapping or list of a list's item: the item's own name may stand far from it. */
function nameOfItem(path: readonly PropertyKey[], document: unknown): string {
  let name: string | undefined;
  let here = document;
  path.slice(0, -2).forEach(step => {
    here = (here as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[step];
    if (typeof step !== 'number' || typeof here !== 'object' || here === null || !('name' in here)) return;
    if (typeof here.name === 'string') name = here.name;
  });
  return name === undefined ? '' : ` of "${name}"`;
}

function nameOfParent(path: readonly PropertyKey[]): string {
  return path.length === 0 ? '' : ` in ${nameOfPath(path)}`;
}

function listKeys(keys: readonly string[]): string {
  const quoted = keys.map(key => `"${key}"`);
  return quoted.length === 1 ? quoted.join('') : `one of ${quoted.join(', ')}`;
}
