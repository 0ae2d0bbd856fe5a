// `npm pack` runs this before and after (prepack, postpack). The published package carries onnxruntime-node inside, as
// devices need it anyway, but without its install step, which fetches CUDA libraries from outside the registry, and
// without the libraries of Windows: npm runs the install steps of bundled packages too. The checkout's own
// node_modules is put back afterwards.
import {cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const folder = fileURLToPath(new URL('../node_modules/onnxruntime-node', import.meta.url));
const aside = `${folder}.unpacked`;

if (process.argv[2] === 'restore') {
  if (existsSync(aside)) {
    rmSync(folder, {recursive: true});
    renameSync(aside, folder);
  }
} else {
  if (existsSync(aside))
    throw new Error(`${aside} is there already: run "node bin/pack-runtime.js restore" first`);
  renameSync(folder, aside);
  cpSync(aside, folder, {
    recursive: true,
    filter: source => !/\/(script|lib|bin\/napi-v6\/win32)(\/|$)|\.map$/.test(source.slice(aside.length)),
  });
  const file = join(folder, 'package.json');
  const description = JSON.parse(readFileSync(file, 'utf8'));
  // What the install step needed goes with it.
  delete description.scripts;
  for (const name of ['adm-zip', 'global-agent']) delete description.dependencies[name];
  writeFileSync(file, `${JSON.stringify(description, null, 2)}\n`);
}
