// Bundles src/runtime (the program that runs on devices) into one file. onnxruntime-node stays outside: its native
// library is shipped beside the bundle.
import {build} from 'esbuild';

await build({
  entryPoints: {edgewise: 'src/runtime/main.ts', sessionWorker: 'src/engine/sessionWorker.ts'},
  outdir: 'dist/bundle',
  outExtension: {'.js': '.mjs'},
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  external: ['onnxruntime-node'],
  banner: {js: "import {createRequire} from 'node:module';const require = createRequire(import.meta.url);"},
  legalComments: 'none',
  logLevel: 'warning',
});
