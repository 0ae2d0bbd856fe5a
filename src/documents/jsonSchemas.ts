import {z} from 'zod';
import {DOCUMENT_SCHEMAS} from './documentKinds.ts';
import type {DocumentKind} from './documentKinds.ts';
import type {EXACT} from './exactNumber.ts';

/** The parts of a JSON Schema that this room reads; the files hold more. */
export interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly [EXACT]?: boolean;
  readonly oneOf?: readonly JsonSchema[];
  readonly const?: unknown;
}

const made = new Map<DocumentKind, JsonSchema>();

/** One document's form as JSON Schema (draft 7, which editors complete and check against), made from its zod schema. */
export function jsonSchemaOf(kind: DocumentKind): JsonSchema {
  const known = made.get(kind);
  if (known !== undefined) return known;
  const schema = z.toJSONSchema(DOCUMENT_SCHEMAS[kind], {
    target: 'draft-7',
    io: 'input',
    override: ({jsonSchema}) => {
      // zod bounds every whole number by what JavaScript holds; in an editor's pop-up that is noise.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  const titled = {title: `edgewise ${kind}`, ...schema} as JsonSchema;
  made.set(kind, titled);
  return titled;
}

/** The schema's file as it lies in templates/schemas. */
export function jsonSchemaText(kind: DocumentKind): string {
  return `${JSON.stringify(jsonSchemaOf(kind), null, 2)}\n`;
}

/** The schema of what lies at `path` below `schema`; undefined where it says nothing. */
export function schemaAt(schema: JsonSchema, path: readonly PropertyKey[]): JsonSchema | undefined {
  let here: JsonSchema | undefined = schema;
  for (const step of path) {
    if (here === undefined) return undefined;
    here = typeof step === 'number' ? containerOf(here, 'array')?.items : propertyOf(here, String(step));
  }
  return here;
}

/** The list or mapping form of a schema that may also be null; of several mappings, one with all of their keys. */
export function containerOf(schema: JsonSchema, type: 'array' | 'object'): JsonSchema | undefined {
  if (schema.type === type) return schema;
  const [first, ...others] = schema.anyOf?.filter(choice => choice.type === type) ?? [];
  if (first?.properties === undefined || others.length === 0) return first;
  const properties = Object.assign(
    {},
    ...others.map(other => other.properties),
    first.properties,
  ) as Readonly<Record<string, JsonSchema>>;
  return {...first, properties};
}

/** Of the forms that a mapping may have, the one that its keys and constant fields (its `kind`, say) tell. */
export function formOfMapping(schema: JsonSchema, value: Readonly<Record<string, unknown>>): JsonSchema {
  const forms = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter(
    ({type}) => type === 'object',
  );
  const fits = ({properties = {}, additionalProperties}: JsonSchema): boolean =>
    Object.entries(value).every(([key, given]) => {
      const field = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (field === undefined) return additionalProperties !== false || given === undefined;
      return field.const === undefined || field.const === given;
    });
  return forms.find(fits) ?? forms[0] ?? {};
}

function propertyOf(schema: JsonSchema, key: string): JsonSchema | undefined {
  const mapping = containerOf(schema, 'object');
  if (mapping === undefined) return undefined;
  const {properties, additionalProperties} = mapping;
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}
