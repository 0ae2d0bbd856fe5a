import {basename, dirname, extname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

/** The file to start this program from again: main.ts or main.js beside this one, or the bundle beside the part of it that this is in. */
export function findProgramPath(): string {
  const here = fileURLToPath(import.meta.url);
  const extension = extname(here);
  return join(
    dirname(here),
    basename(here, extension) === 'programPath' ? `main${extension}` : 'edgewise.mjs',
  );
}
