import {expect, it} from 'vitest';
import {createNode} from '../../../src/model/onnx/createMessages.ts';
import {replaceSums} from '../../../src/model/replaceSums.ts';
import {runHandMade} from './handMadeModels.ts';
import {modelOfCase, numbers} from './opsetCaseParts.ts';

const feeds = {x: numbers([2, 3]), z: numbers([3], 'float32', 5), u: numbers([2, 1], 'float32', 9)};
const sumOf = (...inputs: string[]) =>
  modelOfCase({opset: 13, nodes: [createNode('Sum', inputs, ['y'], {name: 'sum'})], feeds});

it.each([
  ['two', ['x', 'z'], ['sum']],
  ['several', ['x', 'z', 'u', 'x'], ['sum/Add_0', 'sum/Add_1', 'sum']],
])('a Sum of %s becomes Add and gives the same bits', async (_, inputs, names) => {
  const model = sumOf(...inputs);
  const replaced = replaceSums(model);
  expect(replaced.graph.nodes.map(({name, operator}) => [name, operator])).toEqual(
    names.map(name => [name, 'Add']),
  );
  expect(await runHandMade(replaced, feeds)).toEqual(await runHandMade(model, feeds));
});

it('a Sum of one stays, and a model without a Sum is the very same object', () => {
  const model = sumOf('x');
  expect(replaceSums(model)).toBe(model);
});
