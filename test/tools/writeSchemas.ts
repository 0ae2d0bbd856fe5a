/** Writes the JSON Schema of every kind of document: node test/tools/writeSchemas.ts */
import {mkdirSync, writeFileSync} from 'node:fs';
import {dirname} from 'node:path';
import {makeSchemaFiles} from './schemaFiles.ts';

for (const {path, text} of await makeSchemaFiles()) {
  mkdirSync(dirname(path), {recursive: true});
  writeFileSync(path, text);
}
