import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';

/** Of the ONNX Runtime package that a session would load, and of this Node. */
export async function readRuntimeVersions(): Promise<{onnxruntime: string; node: string}> {
  const path = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  const {version} = JSON.parse(await readFile(path, 'utf8')) as {version: string};
  return {onnxruntime: version, node: process.versions.node};
}
