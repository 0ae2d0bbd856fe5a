import {describe, expect, it} from 'vitest';
import type {NamedTensors} from '../../../../src/documents/tensor.ts';
import type {Graph} from '../../../../src/model/graph.ts';
import {graphFromModel} from '../../../../src/model/graphFromModel.ts';
import {floatFromHalf} from '../../../../src/model/halfPrecision.ts';
import {nameLayers} from '../../../../src/model/nameLayers.ts';
import {
  createAttribute,
  createGraph,
  createNode,
  createUntypedValueInfo,
} from '../../../../src/model/onnx/createMessages.ts';
import type {OnnxModel, OnnxTensor} from '../../../../src/model/onnx/messages.ts';
import {bytesOfTensor, elementTypeOfTensor, tensorFromValue} from '../../../../src/model/onnx/tensorData.ts';
import {convertToFloat16, type Float16Options} from '../../../../src/quantize/precision/convertToFloat16.ts';
import {modelWithBodies, valuesOf} from '../../model/handMadeModels.ts';
import {
  bytesOfModel,
  decibels,
  floats,
  graphOf,
  integers,
  node,
  operatorsAt,
  randomTensor,
  randomWeight,
  runAt,
  transformer,
} from './precisionModels.ts';

const operatorsOf = ({graph}: OnnxModel): string[] => graph.nodes.map(({operator}) => operator);
const reasonsOf = (graph: Graph, options?: Float16Options): Record<string, string> =>
  Object.fromEntries(convertToFloat16(graph, options).floatLayers.map(({layer, reason}) => [layer, reason]));
const weightsOf = ({graph}: OnnxModel): Record<string, string> =>
  Object.fromEntries(graph.initializers.map(tensor => [tensor.name, elementTypeOfTensor(tensor)]));

async function decibelsOf(
  graph: Graph,
  model: OnnxModel,
  feeds: NamedTensors,
  output = 'y',
): Promise<number> {
  const [exact, found] = [await runAt(graph.model, feeds, 'disabled'), await runAt(model, feeds, 'disabled')];
  return decibels(exact[output], found[output]);
}

function scalar(name: string, value: number): OnnxTensor {
  return tensorFromValue(name, floats([], Float32Array.of(value)));
}

function halvesOf(tensor: OnnxTensor | undefined): number[] {
  return [...new Uint16Array(new Uint8Array(bytesOfTensor(tensor!)).buffer)].map(floatFromHalf);
}

const dense = graphOf(
  [node('MatMul', ['x', 'w'], ['m']), node('Add', ['m', 'b'], ['a']), node('Relu', ['a'], ['y'])],
  [randomWeight('w', [40, 30], 1, 0.2), randomWeight('b', [30], 2)],
  {x: [3, 40]},
  {y: [3, 30]},
);
const DENSE_FEEDS = {x: randomTensor([3, 40], 3)};

describe('a model in float16', () => {
  it('gives what it gave in float32, to ten bits, at half the size', async () => {
    const graph = transformer({words: 200, width: 64, heads: 4, hidden: 128, blocks: 2}, 1);
    const {model, floatLayers} = convertToFloat16(graph);
    expect(floatLayers).toEqual([]);
    const feeds = {ids: integers([1, 5], [5, 199, 0, 3, 77])};
    expect(await decibelsOf(graph, model, feeds, 'scores')).toBeGreaterThan(60);
    expect(bytesOfModel(model).length / bytesOfModel(graph.model).length).toBeLessThan(0.53);
  });

  it('takes and gives float32 as before, with one cast at each border', async () => {
    const {model, decisions} = convertToFloat16(dense);
    expect(operatorsOf(model)).toEqual(['Cast', 'MatMul', 'Add', 'Relu', 'Cast']);
    expect(weightsOf(model)).toEqual({'w/float16': 'float16', 'b/float16': 'float16'});
    expect(decisions[1]!.decision).toBe('inputs and outputs stay float32');
    expect(await decibelsOf(dense, model, DENSE_FEEDS)).toBeGreaterThan(60);
  });

  it('takes and gives float16 when asked to', async () => {
    const {model} = convertToFloat16(dense, {keepsInputsAndOutputs: false});
    expect(operatorsOf(model)).toEqual(['MatMul', 'Add', 'Relu']);
    const graph = graphFromModel(model);
    expect([...graph.inputs, ...graph.outputs].map(name => graph.tensors.get(name)!.elementType)).toEqual([
      'float16',
      'float16',
    ]);
    const ones = {
      x: {elementType: 'float16' as const, shape: [3, 40], bytes: new Uint8Array(240).fill(0x3c)},
    };
    const found = await runAt(model, ones, 'disabled');
    expect(found['y']!.elementType).toBe('float16');
  });

  it('shares one cast between layers that read the same input', () => {
    const graph = graphOf(
      [node('Relu', ['x'], ['a']), node('Neg', ['x'], ['b']), node('Add', ['a', 'b'], ['y'])],
      [],
      {x: [3]},
      {y: [3]},
    );
    expect(operatorsOf(convertToFloat16(graph).model)).toEqual(['Cast', 'Relu', 'Neg', 'Add', 'Cast']);
  });

  it('leaves layers in float32 that were named, and keeps their weights in both precisions where both are read', async () => {
    const graph = graphOf(
      [node('MatMul', ['x', 'w'], ['m']), node('MatMul', ['m', 'w'], ['n']), node('Add', ['n', 'b'], ['y'])],
      [randomWeight('w', [40, 40], 1, 0.2), randomWeight('b', [40], 2)],
      {x: [3, 40]},
      {y: [3, 40]},
    );
    const {model, floatLayers} = convertToFloat16(graph, {keepFloat32: new Map([['matmul-n', 'accuracy']])});
    expect(floatLayers).toEqual([{layer: 'matmul-n', reason: 'accuracy'}]);
    expect(weightsOf(model)).toEqual({w: 'float32', 'w/float16': 'float16', 'b/float16': 'float16'});
    expect(operatorsOf(model)).toEqual(['Cast', 'MatMul', 'Cast', 'MatMul', 'Cast', 'Add', 'Cast']);
    expect(await decibelsOf(graph, model, {x: randomTensor([3, 40], 3)})).toBeGreaterThan(60);
  });

  it('leaves layers in float32 whose activations left the range of float16 in calibration', async () => {
    const ranges = new Map([
      ['x', {min: -3, max: 3}],
      ['m', {min: -1e5, max: 10}],
      ['a', {min: -4, max: 65_504}],
      ['y', {min: 0, max: 65_504}],
    ]);
    expect(reasonsOf(dense, {ranges})).toEqual({'matmul-m': 'out-of-range', 'add-a': 'out-of-range'});
    expect(await decibelsOf(dense, convertToFloat16(dense, {ranges}).model, DENSE_FEEDS)).toBeGreaterThan(60);
  });

  it('leaves operators in float32 that the target has for nothing else', () => {
    expect(reasonsOf(dense, {float32Operators: new Set(['Relu'])})).toEqual({'relu-y': 'no-float16'});
  });

  it('leaves a layer in float32 whose weights are out of range', () => {
    const graph = graphOf(
      [node('Mul', ['x', 'large'], ['a']), node('Mul', ['a', 'small'], ['y'])],
      [scalar('large', 1e6), scalar('small', 1e-3)],
      {x: [3]},
      {y: [3]},
    );
    expect(reasonsOf(graph)).toEqual({'mul-a': 'out-of-range'});
  });

  it('cuts off what bounds and masks are filled with, and says so', async () => {
    const graph = graphOf(
      [
        node('Cast', ['ids'], ['mask'], {to: {int: 1n}}),
        node('Sub', ['one', 'mask'], ['masked']),
        node('Mul', ['masked', 'lowest'], ['added']),
        node('Add', ['x', 'added'], ['scores']),
        node('Clip', ['scores', '', 'highest'], ['clipped']),
        node('Softmax', ['clipped'], ['y']),
      ],
      [scalar('one', 1), scalar('lowest', -3.4028234e38), scalar('highest', 3.4028234e38)],
      {x: [1, 6], ids: [1, 6]},
      {y: [1, 6]},
    );
    const {model, floatLayers, decisions} = convertToFloat16(graph);
    expect(floatLayers).toEqual([]);
    const filling = model.graph.initializers.filter(({name}) => name.includes('est/'));
    expect(filling.map(tensor => halvesOf(tensor))).toEqual([[-65_504], [65_504]]);
    expect(decisions.at(-1)!.decision).toBe('lowest, highest cut off at ±65,504');
    const feeds = {x: randomTensor([1, 6], 1), ids: integers([1, 6], [1, 1, 0, 1, 0, 0])};
    expect(await decibelsOf(graph, model, feeds)).toBeGreaterThan(55);
    expect(valuesOf((await runAt(model, feeds, 'disabled'))['y'])[2]).toBe(0);
  });

  it('computes a normalisation that was taken apart in float32: squares, their mean, the epsilon and the root', async () => {
    const graph = graphOf(
      [
        node('ReduceMean', ['x', 'axes'], ['mean']),
        node('Sub', ['x', 'mean'], ['centred']),
        node('Pow', ['centred', 'two'], ['squares']),
        node('ReduceMean', ['squares', 'axes'], ['variance']),
        node('Add', ['variance', 'epsilon'], ['safe']),
        node('Sqrt', ['safe'], ['deviation']),
        node('Div', ['centred', 'deviation'], ['normalized']),
        node('Mul', ['normalized', 'gain'], ['y']),
      ],
      [
        tensorFromValue('axes', integers([1], [-1])),
        scalar('two', 2),
        scalar('epsilon', 1e-12),
        randomWeight('gain', [64], 1),
      ],
      {x: [2, 64]},
      {y: [2, 64]},
    );
    expect(reasonsOf(graph)).toEqual({
      'pow-squares': 'grows',
      'reducemean-variance': 'grows',
      'add-safe': 'grows',
      'sqrt-deviation': 'grows',
    });
    // Deviations of 1,000: the squares do not fit float16.
    const feeds = {x: randomTensor([2, 64], 2, 1000)};
    expect(await decibelsOf(graph, convertToFloat16(graph).model, feeds)).toBeGreaterThan(55);
  });

  it('divides in float32 by what was kept from 0 by an epsilon that float16 does not have', async () => {
    const graph = graphOf(
      [
        node('ReduceL2', ['x', 'axes'], ['norm']),
        node('Max', ['norm', 'epsilon'], ['safe']),
        node('Div', ['x', 'safe'], ['y']),
      ],
      [tensorFromValue('axes', integers([1], [-1])), scalar('epsilon', 1e-12)],
      {x: [1, 8]},
      {y: [1, 8]},
    );
    expect(reasonsOf(graph)).toEqual({'reducel2-norm': 'grows', 'max-safe': 'grows', 'div-y': 'grows'});
    const zeros = await runAt(
      convertToFloat16(graph).model,
      {x: floats([1, 8], new Float32Array(8))},
      'disabled',
    );
    expect(valuesOf(zeros['y'])).toEqual(new Array(8).fill(0));
  });

  it('computes sizes in float32: 2,049 has no float16', async () => {
    const graph = graphOf(
      [
        node('Shape', ['x'], ['shape']),
        node('Cast', ['shape'], ['sizes'], {to: {int: 1n}}),
        node('Mul', ['sizes', 'factors'], ['scaled']),
        node('Floor', ['scaled'], ['whole']),
        node('Cast', ['whole'], ['target'], {to: {int: 7n}}),
        node('Expand', ['x', 'target'], ['y']),
      ],
      [tensorFromValue('factors', floats([2], Float32Array.of(2049, 1)))],
      {x: [1, 3]},
      {y: ['rows', 3]},
    );
    expect(reasonsOf(graph)).toEqual({
      'cast-sizes': 'index-arithmetic',
      'mul-scaled': 'index-arithmetic',
      'floor-whole': 'index-arithmetic',
      'cast-target': 'index-arithmetic',
    });
    const found = await runAt(convertToFloat16(graph).model, {x: randomTensor([1, 3], 1)}, 'disabled');
    expect(found['y']!.shape).toEqual([2049, 3]);
  });

  it('leaves the scales of Resize in float32, which is all it takes', async () => {
    const graph = graphOf(
      [node('Resize', ['x', '', 'scales'], ['y'], {mode: {string: new TextEncoder().encode('linear')}})],
      [tensorFromValue('scales', floats([4], Float32Array.of(1, 1, 2, 2)))],
      {x: [1, 2, 4, 4]},
      {y: [1, 2, 8, 8]},
    );
    const {model, floatLayers} = convertToFloat16(graph);
    expect(floatLayers).toEqual([]);
    expect(weightsOf(model)).toEqual({scales: 'float32'});
    expect(await decibelsOf(graph, model, {x: randomTensor([1, 2, 4, 4], 1)})).toBeGreaterThan(60);
  });

  it('casts in float16 where the model cast to float32, and leaves integers alone', async () => {
    const graph = graphOf(
      [
        node('ArgMax', ['x'], ['best'], {axis: {int: -1n}, keepdims: {int: 0n}}),
        node('Cast', ['best'], ['position'], {to: {int: 1n}}),
        node('Constant', [], ['half'], {value_float: {float: 0.5}}),
        node('Mul', ['position', 'half'], ['y']),
      ],
      [],
      {x: [4, 9]},
      {y: [4]},
    );
    const {model} = convertToFloat16(graph);
    const cast = model.graph.nodes.find(({name}) => name === 'cast-position')!;
    expect(cast.attributes.map(({int}) => int)).toEqual([10n]);
    expect(operatorsOf(model)).not.toContain('Constant');
    const feeds = {x: randomTensor([4, 9], 1)};
    expect(valuesOf((await runAt(model, feeds))['y'])).toEqual(
      valuesOf((await runAt(graph.model, feeds))['y']),
    );
  });

  it('leaves operators in float32 that have no float16 in the model’s version', () => {
    const at = (opset: number): Record<string, string> =>
      reasonsOf(
        graphOf(
          [
            node('IsInf', ['x'], ['infinite']),
            node('Not', ['infinite'], ['kept']),
            node('Celu', ['x'], ['y']),
          ],
          [],
          {x: [3]},
          {y: [3]},
          opset,
        ),
      );
    expect(at(17)).toEqual({'isinf-infinite': 'no-float16', 'celu-y': 'no-float16'});
    expect(at(20)).toEqual({'celu-y': 'no-float16'});
  });

  it('leaves operators of other domains in float32, but those known to take float16', () => {
    const graph = graphOf(
      [
        createNode('Gelu', ['x'], ['g'], {name: 'gelu', domain: 'com.microsoft'}),
        createNode('Unheard', ['g'], ['y'], {name: 'unheard', domain: 'of.somebody'}),
      ],
      [],
      {x: [3]},
      {y: [3]},
    );
    expect(reasonsOf(graph)).toEqual({unheard: 'no-float16'});
  });

  it.each([true, false])('computes in float16 inside bodies too, however deep: flag %s', async flag => {
    const graph = graphFromModel(nameLayers(modelWithBodies()));
    const {model, floatLayers} = convertToFloat16(graph);
    expect(floatLayers).toEqual([]);
    const feeds = {
      x: randomTensor([2], 1),
      flag: {elementType: 'bool' as const, shape: [], bytes: Uint8Array.of(Number(flag))},
    };
    expect(await decibelsOf(graph, model, feeds)).toBeGreaterThan(55);
    expect(Object.values(weightsOf(model)).sort()).toEqual(['float16', 'float16', 'int64']);
  });

  it('makes one float16 copy of a weight that two branches read, beside the weight', async () => {
    const branch = (name: string) =>
      createGraph({
        name,
        nodes: [
          createNode('Constant', [], [`${name}.two`], {
            attributes: [createAttribute('value', {tensor: scalar('', name === 'then' ? 2 : 3)})],
          }),
          createNode('MatMul', ['x', 'w'], [`${name}.m`], {name: `${name}-product`}),
          createNode('Mul', [`${name}.m`, `${name}.two`], [`${name}.y`]),
        ],
        outputs: [createUntypedValueInfo(`${name}.y`)],
      });
    const decide = createNode('If', ['flag'], ['z'], {
      name: 'decide',
      attributes: [
        createAttribute('then_branch', {graph: branch('then')}),
        createAttribute('else_branch', {graph: branch('else')}),
      ],
    });
    const graph = graphOf(
      [decide, node('Relu', ['z'], ['y'])],
      [randomWeight('w', [8, 8], 1)],
      {x: [2, 8], flag: []},
      {y: [2, 8]},
    );
    const half = convertToFloat16(graph);
    expect(weightsOf(half.model)).toEqual({'w/float16': 'float16'});
    const kept = convertToFloat16(graph, {keepFloat32: new Map([['decide/then-product', 'accuracy']])});
    expect(kept.floatLayers).toEqual([{layer: 'decide/then-product', reason: 'accuracy'}]);
    expect(weightsOf(kept.model)).toEqual({w: 'float32', 'w/float16': 'float16'});
    for (const flag of [0, 1]) {
      const feeds = {
        x: randomTensor([2, 8], 2),
        flag: {elementType: 'bool' as const, shape: [], bytes: Uint8Array.of(flag)},
      };
      expect(await decibelsOf(graph, half.model, feeds)).toBeGreaterThan(55);
      expect(await decibelsOf(graph, kept.model, feeds)).toBeGreaterThan(55);
    }
  });

  it('goes around integer regions: they stay float32 between their roundings, and are fused as before', async () => {
    const scale = (name: string, value: number): OnnxTensor => scalar(name, value);
    const zero = (name: string, elementType: 'uint8' | 'int8', value: number): OnnxTensor =>
      tensorFromValue(name, {elementType, shape: [], bytes: Uint8Array.of(value)});
    const weight = Int8Array.from({length: 8 * 3 * 9}, (_, at) => ((at * 37) % 255) - 127);
    const bytes = new Uint8Array(weight.buffer);
    const graph = graphOf(
      [
        node('QuantizeLinear', ['x', 'sx', 'zx'], ['xq']),
        node('DequantizeLinear', ['xq', 'sx', 'zx'], ['xd']),
        node('DequantizeLinear', ['wq', 'sw', 'zw'], ['wd']),
        node('Conv', ['xd', 'wd'], ['c']),
        node('Relu', ['c'], ['r']),
        node('QuantizeLinear', ['r', 'sy', 'zy'], ['cq']),
        node('DequantizeLinear', ['cq', 'sy', 'zy'], ['cd']),
        node('Sigmoid', ['cd'], ['s']),
        node('Mul', ['s', 'cd'], ['y']),
      ],
      [
        scale('sx', 0.02),
        scale('sw', 0.01),
        scale('sy', 0.05),
        zero('zx', 'uint8', 128),
        zero('zy', 'uint8', 0),
        zero('zw', 'int8', 0),
        tensorFromValue('wq', {elementType: 'int8', shape: [8, 3, 3, 3], bytes}),
      ],
      {x: [1, 3, 8, 8]},
      {y: [1, 8, 6, 6]},
    );
    const {model, floatLayers} = convertToFloat16(graph);
    expect(floatLayers.map(({layer}) => layer)).toEqual(graph.layers.slice(0, 7).map(({name}) => name));
    expect(new Set(floatLayers.map(({reason}) => reason))).toEqual(new Set(['quantized']));
    expect(operatorsOf(model).slice(7)).toEqual(['Cast', 'Sigmoid', 'Mul', 'Cast']);
    expect(await operatorsAt(model, 'extended')).toContain('QLinearConv');
    const feeds = {x: randomTensor([1, 3, 8, 8], 1)};
    expect(await decibelsOf(graph, model, feeds)).toBeGreaterThan(55);
  });

  it('leaves sequences in float32, which no cast can turn', async () => {
    const graph = graphOf(
      [
        node('Relu', ['x'], ['r']),
        node('SplitToSequence', ['r'], ['parts'], {axis: {int: 0n}}),
        node('ConcatFromSequence', ['parts'], ['joined'], {axis: {int: 1n}}),
        node('Neg', ['joined'], ['y']),
      ],
      [],
      {x: [2, 3]},
      {y: [1, 6]},
    );
    expect(reasonsOf(graph)).toEqual({
      'splittosequence-parts': 'not-a-tensor',
      'concatfromsequence-joined': 'not-a-tensor',
    });
    const feeds = {x: randomTensor([2, 3], 1)};
    expect(await decibelsOf(graph, convertToFloat16(graph).model, feeds)).toBeGreaterThan(55);
  });

  it('is the very same model when nothing in it is float32', () => {
    const graph = graphOf([node('Add', ['ids', 'ids'], ['y'])], [], {ids: [3]}, {});
    expect(convertToFloat16(graph).model).toBe(graph.model);
  });
});
