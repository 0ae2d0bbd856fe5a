import {join} from 'node:path';
import type {ByteSource} from '../../../src/model/onnx/byteSource.ts';
import {
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxTensor} from '../../../src/model/onnx/messages.ts';
import {emptyTensor} from '../../../src/model/onnx/tensorData.ts';
import {writeModel} from '../../../src/model/onnx/writeModel.ts';
import {attributesFrom} from '../../unit/model/opsetCaseParts.ts';
import {writeAtomically} from '../../../src/workspace/writeAtomically.ts';

const WIDTH = 8192;
const LAYERS = 9;

/** Nine products with matrices of 256 MiB, 2.25 GiB in all: opset 11, unnamed layers, weights in files beside the model. */
export async function writeLargeModel(folder: string): Promise<string> {
  const nodes = Array.from({length: LAYERS}, (_, at) => [
    createNode('Gemm', [at === 0 ? 'x' : `relu_${at - 1}`, `w_${at}`], [`gemm_${at}`], {
      attributes: attributesFrom({transB: 1n}),
    }),
    createNode('Relu', [`gemm_${at}`], [at === LAYERS - 1 ? 'y' : `relu_${at}`]),
  ]).flat();
  const model = createModel(
    createGraph({
      nodes,
      initializers: Array.from({length: LAYERS}, (_, at) => matrix(`w_${at}`, at)),
      inputs: [createValueInfo('x', 'float32', ['batch', WIDTH])],
      outputs: [createValueInfo('y', 'float32', ['batch', WIDTH])],
    }),
    {irVersion: 7, opsetImports: [{domain: '', version: 11, unknown: []}]},
  );
  const written = writeModel(model, {
    kind: 'external',
    thresholdBytes: 2 ** 20,
    nameLocation: tensor => `${tensor}.bin`,
  });
  for (const file of written.externalFiles) await writeAtomically(join(folder, file.path), file.chunks);
  const path = join(folder, 'large.onnx');
  await writeAtomically(path, written.chunks);
  return path;
}

/** Uniform numbers that keep the variance through a Relu, made where they are read: the whole never is in memory. */
function matrix(name: string, seed: number): OnnxTensor {
  const bound = Math.sqrt(6 / WIDTH);
  const sizeBytes = WIDTH * WIDTH * 4;
  const source: ByteSource = {
    sizeBytes,
    // The writer reads whole floats.
    read: (offset, length) => {
      const first = offset / 4;
      const values = Float32Array.from({length: length / 4}, (_, at) => bound * uniform(seed, first + at));
      return new Uint8Array(values.buffer);
    },
  };
  return {...emptyTensor(name, 'float32', [WIDTH, WIDTH]), raw: {source, offset: 0, length: sizeBytes}};
}

/** In [-1, 1), by the finaliser of MurmurHash3 (A. Appleby). */
function uniform(seed: number, index: number): number {
  let mixed = index ^ Math.imul(seed + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 31 - 1;
}
