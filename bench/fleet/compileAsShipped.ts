import {basename, join} from 'node:path';
import {build} from 'esbuild';

/**
 * A program of this folder as JavaScript, as what is installed is: Node's taking the types out of a hundred files takes a
 * second and 40 MB that no user pays for. It lies as deep below the root as the sources do, which find files from there.
 */
export async function compileAsShipped(file: string): Promise<string> {
  const outfile = join(import.meta.dirname, '../../dist/bench', `${basename(file, '.ts')}.mjs`);
  await build({
    entryPoints: [join(import.meta.dirname, file)],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node22',
    logLevel: 'warning',
  });
  return outfile;
}
