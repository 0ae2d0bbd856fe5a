// Bundles src/runtime (the program that runs on devices) into two files: the program and the thread that ONNX Runtime
// runs in. onnxruntime-node stays outside: its native library is shipped beside the bundle.
// Usage: node bin/bundle-runtime.js [FOLDER]
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

await build({
  absWorkingDir: root,
  entryPoints: {edgewise: 'src/runtime/main.ts', sessionWorker: 'src/engine/sessionWorker.ts'},
  outdir: process.argv[2] ?? join(root, 'dist', 'bundle'),
  outExtension: {'.js': '.mjs'},
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  external: ['onnxruntime-node'],
  plugins: [leaveOutTranslations],
  legalComments: 'none',
  logLevel: 'warning',
});
