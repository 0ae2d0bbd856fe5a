import {expect, it} from 'vitest';
import {declareOutputs} from '../../../src/model/declareOutputs.ts';
import {
  createGraph,
  createModel,
  createUntypedValueInfo,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';

const types = new Map([['y', {elementType: 'int64', shape: [3, 4]} as const]]);
const withOutput = (info: ReturnType<typeof createValueInfo>) => createModel(createGraph({outputs: [info]}));

it.each([
  ['no type', createUntypedValueInfo('y')],
  ['no shape', createValueInfo('y', 'int64')],
])('an output that declares %s gets the measured type and rank, its sizes stay open', (_, info) => {
  const expected = createValueInfo('y', 'int64', [null, null]);
  expect(declareOutputs(withOutput(info), types).graph.outputs).toEqual([expected]);
});

it.each([
  ['declares a shape', createValueInfo('y', 'float32', ['batch'])],
  ['was not measured', createUntypedValueInfo('z')],
])('an output that %s stays, and the model is the very same object', (_, info) => {
  const model = withOutput(info);
  expect(declareOutputs(model, types)).toBe(model);
});
