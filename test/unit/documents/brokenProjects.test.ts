import {readFileSync, readdirSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {describe, expect, it} from 'vitest';
import {projectFromYaml} from '../../../src/documents/readDocument.ts';
import {EXIT, ExpectedError} from '../../../src/errors.ts';

const folder = fileURLToPath(new URL('../../fixtures/broken-projects/', import.meta.url));

/** Each file is an edgewise.yaml as somebody might write it; beside it, under the same name, what they are told. */
describe('a broken edgewise.yaml', () => {
  const names = readdirSync(folder)
    .filter(file => file.endsWith('.yaml'))
    .map(file => file.slice(0, -'.yaml'.length));

  it.each(names)('%s', async name => {
    const error = problemOf(readFileSync(`${folder}${name}.yaml`, 'utf8'));
    expect(error.code).toBe('invalid-document');
    expect(error.exitCode).toBe(EXIT.invalidDocument);
    await expect(`${error.message}\n`).toMatchFileSnapshot(`${folder}${name}.expected`);
  });
});

function problemOf(text: string): ExpectedError {
  try {
    projectFromYaml(text, 'edgewise.yaml');
  } catch (error) {
    if (error instanceof ExpectedError) return error;
    throw error;
  }
  throw new Error('the document was accepted');
}
