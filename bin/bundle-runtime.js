// Bundles src/runtime (the program that runs on devices) into the program, the thread that ONNX Runtime runs in, and the
// parts that they load when they need them. onnxruntime-node stays outside: its native library is shipped beside the bundle.
// Usage: node bin/bundle-runtime.js [FOLDER]
import {existsSync, readdirSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** zod brings its messages in fifty languages along, a third of the program; devices speak English. */
const leaveOutTranslations = {
  name: 'leave-out-translations',
  setup(bundling) {
    bundling.onLoad({filter: /zod\/v4\/locales\/index\.js$/}, () => ({contents: 'export {}', loader: 'js'}));
  },
};

const folder = process.argv[2] ?? join(root, 'dist', 'bundle');
// Parts are named by their content: those of an earlier build would be shipped along.
if (existsSync(folder))
  for (const name of readdirSync(folder)) if (name.endsWith('.mjs')) rmSync(join(folder, name));

await build({
  absWorkingDir: root,
  entryPoints: {edgewise: 'src/runtime/main.ts', sessionWorker: 'src/engine/sessionWorker.ts'},
  outdir: folder,
  outExtension: {'.js': '.mjs'},
  chunkNames: 'part-[hash]',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  external: ['onnxruntime-node'],
  plugins: [leaveOutTranslations],
  legalComments: 'none',
  logLevel: 'warning',
});
