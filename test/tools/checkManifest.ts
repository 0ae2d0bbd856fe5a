// Fails when oclif.manifest.json is not what `npm run manifest` would write now.
import {execFileSync} from 'node:child_process';
import {cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {isDeepStrictEqual} from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'edgewise-manifest-'));
try {
  for (const name of ['package.json', 'bin', 'dist'])
    cpSync(join(root, name), join(copy, name), {recursive: true});
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  execFileSync(join(root, 'node_modules/.bin/oclif'), ['manifest'], {
    cwd: copy,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const read = (folder: string): unknown =>
    JSON.parse(readFileSync(join(folder, 'oclif.manifest.json'), 'utf8'));
  // Commands are written in the order in which they were loaded, which is another one on a busy machine.
  if (!isDeepStrictEqual(read(root), read(copy))) {
    process.stderr.write('oclif.manifest.json is stale: run `npm run manifest` and commit it.\n');
    process.exitCode = 1;
  }
} finally {
  rmSync(copy, {recursive: true, force: true});
}
