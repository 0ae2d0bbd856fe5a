import {readFileSync} from 'node:fs';
import {expect, it} from 'vitest';
import {makeSchemaFiles} from '../../tools/schemaFiles.ts';

it('the JSON Schemas of templates/schemas are fresh', async () => {
  for (const {path, text} of await makeSchemaFiles())
    expect(readFileSync(path, 'utf8'), `${path} is stale; refresh it: node test/tools/writeSchemas.ts`).toBe(
      text,
    );
});
