import {InferenceSession, Tensor as OrtTensor} from 'onnxruntime-node';
import type {NamedTensors, Tensor} from '../../../src/documents/tensor.ts';
import {ortTensorFromTensor, tensorFromOrtTensor} from '../../../src/engine/ortTensors.ts';
import {sourceFromBytes} from '../../../src/model/onnx/byteSource.ts';
import type {OnnxModel, OnnxTensor} from '../../../src/model/onnx/messages.ts';
import {modelFromSource} from '../../../src/model/onnx/readModel.ts';
import {tensorFromValue} from '../../../src/model/onnx/tensorData.ts';
import {bytesFromModel} from '../../../src/model/onnx/writeModel.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createUntypedValueInfo,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';

export function floatTensor(shape: readonly number[], values: readonly number[]): Tensor {
  return {elementType: 'float32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer)};
}

export function floatWeight(name: string, shape: readonly number[], values: readonly number[]): OnnxTensor {
  return tensorFromValue(name, floatTensor(shape, values));
}

export function integerWeight(name: string, shape: readonly number[], values: readonly number[]): OnnxTensor {
  const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return tensorFromValue(name, {elementType: 'int64', shape, bytes});
}

export function readBytes(bytes: Uint8Array, fileName = 'hand-made.onnx'): OnnxModel {
  return modelFromSource(sourceFromBytes(bytes), {fileName});
}

export function valuesOf(tensor: Tensor | undefined): number[] {
  return [...new Float32Array(tensor!.bytes.slice().buffer)];
}

/** Runs a model by the real runtime, as it is. */
export async function runHandMade(
  model: OnnxModel,
  feeds: NamedTensors = {},
): Promise<Record<string, Tensor>> {
  const options = {logSeverityLevel: 4, intraOpNumThreads: 1, graphOptimizationLevel: 'disabled'} as const;
  const session = await InferenceSession.create(bytesFromModel(model), options);
  try {
    const results = await session.run(
      Object.fromEntries(
        Object.entries(feeds).map(([name, one]) => [name, ortTensorFromTensor(OrtTensor, name, one)]),
      ),
    );
    return Object.fromEntries(Object.entries(results).map(([name, one]) => [name, tensorFromOrtTensor(one)]));
  } finally {
    await session.release();
  }
}

/**
 * x, y -> sum = x + bias -> If(flag) { relu(sum) * scale } else { If(flag) … identity of hidden } -> Loop that adds `hidden`
 * three times: bodies read tensors of the outer graph, one of them two levels down.
 */
export function modelWithBodies(): OnnxModel {
  const innerIf = createNode('If', ['flag'], ['inner_out'], {
    name: 'inner_if',
    attributes: [
      createAttribute('then_branch', {
        graph: createGraph({
          name: 'inner_then',
          nodes: [createNode('Neg', ['hidden'], ['negated'])],
          outputs: [createUntypedValueInfo('negated')],
        }),
      }),
      createAttribute('else_branch', {
        graph: createGraph({
          name: 'inner_else',
          nodes: [createNode('Mul', ['hidden', 'scale'], ['product'])],
          outputs: [createUntypedValueInfo('product')],
        }),
      }),
    ],
  });
  const branch = createNode('If', ['flag'], ['chosen'], {
    name: 'branch',
    attributes: [
      createAttribute('then_branch', {
        graph: createGraph({
          name: 'then',
          nodes: [
            createNode('Relu', ['sum'], ['positive']),
            createNode('Mul', ['positive', 'scale'], ['scaled']),
          ],
          outputs: [createUntypedValueInfo('scaled')],
        }),
      }),
      createAttribute('else_branch', {
        graph: createGraph({name: 'else', nodes: [innerIf], outputs: [createUntypedValueInfo('inner_out')]}),
      }),
    ],
  });
  const repeat = createNode('Loop', ['rounds', '', 'chosen'], ['y'], {
    name: 'repeat',
    attributes: [
      createAttribute('body', {
        graph: createGraph({
          name: 'body',
          inputs: [
            createValueInfo('round', 'int64', []),
            createValueInfo('going', 'bool', []),
            createValueInfo('carried', 'float32', [2]),
          ],
          nodes: [
            createNode('Identity', ['going'], ['goes']),
            createNode('Add', ['carried', 'hidden'], ['next']),
          ],
          outputs: [createValueInfo('goes', 'bool', []), createValueInfo('next', 'float32', [2])],
        }),
      }),
    ],
  });
  return createModel(
    createGraph({
      nodes: [
        createNode('Add', ['x', 'bias'], ['sum'], {name: 'add'}),
        createNode('Tanh', ['sum'], ['hidden'], {name: 'squash'}),
        branch,
        repeat,
      ],
      initializers: [
        floatWeight('bias', [2], [0.5, -3]),
        floatWeight('scale', [2], [2, 4]),
        integerWeight('rounds', [], [3]),
      ],
      inputs: [createValueInfo('x', 'float32', [2]), createValueInfo('flag', 'bool', [])],
      outputs: [createValueInfo('y', 'float32', [2])],
    }),
  );
}
