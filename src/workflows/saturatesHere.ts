import type {Tensor} from '../documents/tensor.ts';
import {runOnce} from '../engine/session.ts';
import {
  createGraph,
  createModel,
  createNode,
  createUntypedValueInfo,
  createValueInfo,
} from '../model/onnx/createMessages.ts';
import {tensorFromValue} from '../model/onnx/tensorData.ts';
import {bytesFromModel} from '../model/onnx/writeModel.ts';

/** Large enough for the kernels that models run on. */
const DEPTH = 64;
const CHANNELS = 32;
const LARGEST = {uint8: 255, int8: 127} as const;

let found: Promise<boolean> | undefined;

/** Whether this machine's kernels cut sums of two products off at 16 bits: found out once, by having some added. */
export function saturatesHere(): Promise<boolean> {
  found ??= addLargest();
  return found;
}

async function addLargest(): Promise<boolean> {
  const x = filled('uint8', [1, DEPTH]);
  const model = createModel(
    createGraph({
      nodes: [createNode('MatMulInteger', ['x', 'w'], ['y'])],
      initializers: [tensorFromValue('w', filled('int8', [DEPTH, CHANNELS]))],
      inputs: [createValueInfo('x', x.elementType, x.shape)],
      outputs: [createUntypedValueInfo('y')],
    }),
  );
  const {outputs} = await runOnce({bytes: bytesFromModel(model)}, {x}, {optimization: 'all', threads: 1});
  const {buffer, byteOffset} = new Uint8Array(outputs['y']?.bytes ?? []);
  return new Int32Array(buffer, byteOffset).some(sum => sum !== DEPTH * LARGEST.uint8 * LARGEST.int8);
}

function filled(elementType: keyof typeof LARGEST, shape: readonly [number, number]): Tensor {
  return {elementType, shape, bytes: new Uint8Array(shape[0] * shape[1]).fill(LARGEST[elementType])};
}
