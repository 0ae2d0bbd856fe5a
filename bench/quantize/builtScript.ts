import {readFileSync, writeFileSync} from 'node:fs';
import {basename, join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {transformSync} from 'esbuild';
import {besideThis} from './quantizer.ts';

const DIST = pathToFileURL(besideThis('../../dist/')).href;

/**
 * A script of this folder as users run the program: without types, and with what `npm run build` made of src/ in place of
 * the sources, which Node would have to strip of their types first. Written into `folder`; the path.
 */
export function writeBuiltScript(name: string, folder: string): string {
  const source = readFileSync(besideThis(name), 'utf8');
  const led = source.replaceAll(
    /'\.\.\/\.\.\/src\/(.+)\.ts'/g,
    (_, path: string) => `'${new URL(`${path}.js`, DIST).href}'`,
  );
  const file = join(folder, `${basename(name, '.ts')}.mjs`);
  writeFileSync(file, transformSync(led, {loader: 'ts', format: 'esm', target: 'node22'}).code);
  return file;
}
