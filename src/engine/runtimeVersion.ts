import {createRequire} from 'node:module';

/** Of the onnxruntime-node that is installed; reads its package.json only, so the native library is not loaded. */
export function readRuntimeVersion(): string {
  const {version} = createRequire(import.meta.url)('onnxruntime-node/package.json') as {version: string};
  return version;
}
