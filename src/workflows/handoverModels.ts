import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../model/onnx/createMessages.ts';
import type {OnnxModel} from '../model/onnx/messages.ts';
import {tensorFromValue} from '../model/onnx/tensorData.ts';

/**
 * Two models that make `size` bytes (int64 [1]) and differ in one thing: `gives` hands them all out as uint8 [size],
 * `keeps` only the first one. What a device needs longer for the first is what handing a tensor over costs it.
 */
export function createHandoverModels(): {readonly gives: OnnxModel; readonly keeps: OnnxModel} {
  const value = tensorFromValue('value', {elementType: 'uint8', shape: [1], bytes: Uint8Array.of(1)});
  const first = tensorFromValue('first', {elementType: 'int64', shape: [1], bytes: new Uint8Array(8)});
  const inputs = [createValueInfo('size', 'int64', [1])];
  const fill = createNode('ConstantOfShape', ['size'], ['data'], {
    name: 'fill',
    attributes: [createAttribute('value', {tensor: value})],
  });
  const take = createNode('Gather', ['data', 'first'], ['taken'], {name: 'take'});
  return {
    gives: createModel(
      createGraph({nodes: [fill], inputs, outputs: [createValueInfo('data', 'uint8', ['size'])]}),
    ),
    keeps: createModel(
      createGraph({
        nodes: [fill, take],
        initializers: [first],
        inputs,
        outputs: [createValueInfo('taken', 'uint8', [1])],
      }),
    ),
  };
}
