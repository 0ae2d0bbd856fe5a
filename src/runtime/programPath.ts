import {basename, dirname, extname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

/** The file to start this program from again: main.ts or main.js beside this one, or the bundle that both are in. */
export function findProgramPath(): string {
  const here = fileURLToPath(import.meta.url);
  const extension = extname(here);
  return basename(here, extension) === 'programPath' ? join(dirname(here), `main${extension}`) : here;
}
