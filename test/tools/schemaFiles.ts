import {fileURLToPath} from 'node:url';
import {format, resolveConfig} from 'prettier';
import {DOCUMENT_KINDS} from '../../src/documents/documentKinds.ts';
import type {DocumentKind} from '../../src/documents/documentKinds.ts';
import {jsonSchemaText} from '../../src/documents/jsonSchemas.ts';

export interface SchemaFile {
  readonly kind: DocumentKind;
  readonly path: string;
  readonly text: string;
}

/** The JSON Schema files of templates/schemas as they should be, formatted like everything else in the repository. */
export async function makeSchemaFiles(): Promise<SchemaFile[]> {
  return Promise.all(
    DOCUMENT_KINDS.map(async kind => {
      const path = fileURLToPath(new URL(`../../templates/schemas/${kind}.schema.json`, import.meta.url));
      const options = await resolveConfig(path);
      return {kind, path, text: await format(jsonSchemaText(kind), {...options, filepath: path})};
    }),
  );
}
