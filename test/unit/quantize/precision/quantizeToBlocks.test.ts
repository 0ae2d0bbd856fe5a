import {describe, expect, it} from 'vitest';
import type {NamedTensors} from '../../../../src/documents/tensor.ts';
import type {Graph} from '../../../../src/model/graph.ts';
import {graphFromModel} from '../../../../src/model/graphFromModel.ts';
import {
  createAttribute,
  createGraph,
  createUntypedValueInfo,
} from '../../../../src/model/onnx/createMessages.ts';
import type {OnnxModel} from '../../../../src/model/onnx/messages.ts';
import {tensorFromValue} from '../../../../src/model/onnx/tensorData.ts';
import type {BlockWeightOptions} from '../../../../src/quantize/precision/blockWriter.ts';
import {quantizeToBlocks} from '../../../../src/quantize/precision/quantizeToBlocks.ts';
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

const SMALL = transformer({words: 128, width: 64, heads: 4, hidden: 96, blocks: 1}, 3);
const IDS = {ids: integers([1, 6], [5, 9, 120, 3, 3, 77])};

const dense = (depth = 200, width = 48): Graph =>
  graphOf(
    [node('MatMul', ['x', 'w'], ['y'])],
    [randomWeight('w', [depth, width], 1, 0.1)],
    {x: [7, depth]},
    {
      y: [7, width],
    },
  );

async function decibelsOf(
  graph: Graph,
  model: OnnxModel,
  feeds: NamedTensors,
  output = 'y',
): Promise<number> {
  const [exact, found] = [await runAt(graph.model, feeds, 'disabled'), await runAt(model, feeds)];
  return decibels(exact[output], found[output]);
}

const operatorsOf = ({graph}: OnnxModel): string[] => graph.nodes.map(({operator}) => operator);

const ALL_OPTIONS = ([4, 8] as const).flatMap(bits =>
  [true, false].flatMap(isSymmetric =>
    (['kernels', 'dequantize'] as const).map((format): BlockWeightOptions => ({bits, isSymmetric, format})),
  ),
);

describe('weights in blocks, in a model', () => {
  it.each(ALL_OPTIONS)('compute in the runtime what their integers and scales say: %o', async options => {
    // 200 rows are six blocks of 32 and a quarter of one.
    const graph = dense();
    const feeds = {x: randomTensor([7, 200], 2)};
    const {model} = quantizeToBlocks(graph, {...options, accuracyLevel: 1});
    // 16 levels in a block of normally distributed weights leave an error of about 21 dB; 256 levels 24 dB less.
    expect(await decibelsOf(graph, model, feeds)).toBeGreaterThan(options.bits === 4 ? 20 : 41);
    const isKernel = options.format === 'kernels';
    expect(operatorsOf(model)).toEqual(isKernel ? ['MatMulNBits'] : ['DequantizeLinear', 'MatMul']);
    expect(await operatorsAt(model, 'extended')).toEqual(['MatMulNBits']);
  });

  it('differ between the two formats by nothing but rounding', async () => {
    const graph = dense();
    const feeds = {x: randomTensor([7, 200], 2)};
    const kernels = quantizeToBlocks(graph, {accuracyLevel: 1}).model;
    const dequantize = quantizeToBlocks(graph, {format: 'dequantize'}).model;
    const [one, other] = [
      await runAt(kernels, feeds, 'disabled'),
      await runAt(dequantize, feeds, 'disabled'),
    ];
    expect(decibels(other['y'], one['y'])).toBeGreaterThan(100);
  });

  it('lose less than 0.1 dB to activations in int8, beside 4-bit weights', async () => {
    const feeds = {x: randomTensor([7, 200], 2)};
    const [one, four] = await Promise.all(
      ([1, 4] as const).map(accuracyLevel =>
        decibelsOf(dense(), quantizeToBlocks(dense(), {accuracyLevel}).model, feeds),
      ),
    );
    expect(four).toBeGreaterThan(one! - 0.1);
  });

  it.each(ALL_OPTIONS)('take Gemm with its factors and bias: %o', async options => {
    const graph = graphOf(
      [
        node('Gemm', ['x', 'w1', 'b1'], ['h'], {transB: {int: 1n}, alpha: {float: 0.5}, beta: {float: 2}}),
        node('Relu', ['h'], ['r']),
        node('Gemm', ['r', 'w2', 'b2'], ['s']),
        node('Gemm', ['s', 'w3'], ['y'], {alpha: {float: -3}}),
      ],
      [
        randomWeight('w1', [50, 70], 1, 0.1),
        randomWeight('b1', [50], 2),
        randomWeight('w2', [50, 37], 3, 0.1),
        randomWeight('b2', [1, 37], 4),
        randomWeight('w3', [37, 20], 5, 0.1),
      ],
      {x: [3, 70]},
      {y: [3, 20]},
    );
    const {model, floatLayers} = quantizeToBlocks(graph, options);
    expect(floatLayers).toEqual([]);
    expect(operatorsOf(model)).not.toContain('Gemm');
    // Three layers' errors come together: a third of what one has.
    const expected = options.bits === 4 ? 15 : 38;
    expect(await decibelsOf(graph, model, {x: randomTensor([3, 70], 6)})).toBeGreaterThan(expected);
  });

  it('keep a language model close to itself, at a sixth of its size', async () => {
    const {model, floatLayers, decisions} = quantizeToBlocks(SMALL, {search: 'mse'});
    expect(operatorsOf(model).filter(name => name === 'MatMulNBits')).toHaveLength(7);
    expect(operatorsOf(model)).toContain('GatherBlockQuantized');
    expect(floatLayers).toEqual([
      {layer: 'matmul-block0.products', reason: 'weights-not-constant'},
      {layer: 'matmul-block0.mixed', reason: 'weights-not-constant'},
    ]);
    expect(decisions).toHaveLength(1);
    expect(await decibelsOf(SMALL, model, IDS, 'scores')).toBeGreaterThan(18);
    expect(bytesOfModel(model).length / bytesOfModel(SMALL.model).length).toBeLessThan(0.22);
  });

  it.each([
    [8, true],
    [8, false],
    [4, true],
    [4, false],
  ] as const)('of a table come back row by row: %i bits, symmetric %s', async (bits, isSymmetric) => {
    // 48 columns: three blocks of 16, so that zero points do not fill their bytes.
    const graph = graphOf(
      [node('Gather', ['table', 'ids'], ['y'])],
      [randomWeight('table', [50, 48], 1)],
      {ids: [2, 3]},
      {y: [2, 3, 48]},
    );
    const {model} = quantizeToBlocks(graph, {bits, isSymmetric, blockSize: 16});
    expect(operatorsOf(model)).toEqual(['GatherBlockQuantized']);
    const feeds = {ids: integers([2, 3], [0, 49, 7, 7, 1, 2])};
    expect(await decibelsOf(graph, model, feeds)).toBeGreaterThan(bits === 4 ? 20 : 44);
  });

  it('of convolutions have blocks of their flattened filters, before DequantizeLinear only', async () => {
    const graph = graphOf(
      [
        node('Conv', ['x', 'w', 'b'], ['c'], {pads: {ints: [1n, 1n, 1n, 1n]}}),
        node('ConvTranspose', ['c', 't'], ['y'], {strides: {ints: [2n, 2n]}}),
      ],
      [
        randomWeight('w', [24, 5, 3, 3], 1, 0.2),
        randomWeight('b', [24], 2),
        randomWeight('t', [24, 9, 2, 2], 3, 0.2),
      ],
      {x: [1, 5, 9, 9]},
      {y: [1, 9, 18, 18]},
    );
    const {model, floatLayers} = quantizeToBlocks(graph, {format: 'dequantize'});
    expect(floatLayers).toEqual([]);
    expect(await decibelsOf(graph, model, {x: randomTensor([1, 5, 9, 9], 4)})).toBeGreaterThan(18);
    expect(quantizeToBlocks(graph).floatLayers.map(({reason}) => reason)).toEqual(['no-kernel', 'no-kernel']);
    expect(quantizeToBlocks(graph).model).toBe(graph.model);
  });

  it('are stored once for two layers that share them', () => {
    const graph = graphOf(
      [node('MatMul', ['x', 'w'], ['a']), node('MatMul', ['a', 'w'], ['y'])],
      [randomWeight('w', [64, 64], 1)],
      {x: [1, 64]},
      {y: [1, 64]},
    );
    for (const format of ['kernels', 'dequantize'] as const) {
      const {model} = quantizeToBlocks(graph, {format});
      expect(model.graph.initializers).toHaveLength(2);
    }
  });

  it('inside the branches of an If are replaced where they lie', async () => {
    const branch = (name: string, weight: string, inner = false) =>
      createGraph({
        name,
        nodes: [node('MatMul', ['x', weight], [`${name}.y`])],
        initializers: inner ? [randomWeight(weight, [64, 32], 5, 0.1)] : [],
        outputs: [createUntypedValueInfo(`${name}.y`)],
      });
    const decide = node('If', ['flag'], ['y']);
    const attributes = [
      createAttribute('then_branch', {graph: branch('then', 'shared')}),
      createAttribute('else_branch', {graph: branch('else', 'private', true)}),
    ];
    const flag = tensorFromValue('flag', {elementType: 'bool', shape: [], bytes: Uint8Array.of(1)});
    const graphWith = (isTaken: boolean) =>
      graphOf(
        [{...decide, attributes}],
        [randomWeight('shared', [64, 32], 4, 0.1), {...flag, raw: boolOf(isTaken).raw!}],
        {x: [2, 64]},
        {y: [2, 32]},
      );
    const boolOf = (value: boolean) =>
      tensorFromValue('flag', {elementType: 'bool', shape: [], bytes: Uint8Array.of(Number(value))});
    for (const isTaken of [true, false]) {
      const graph = graphWith(isTaken);
      const {model, floatLayers} = quantizeToBlocks(graph);
      expect(floatLayers).toEqual([]);
      const text = bytesOfModel(model).toString('latin1');
      expect(text.split('MatMulNBits')).toHaveLength(3);
      expect(bytesOfModel(model).length).toBeLessThan(0.35 * bytesOfModel(graph.model).length);
      expect(await decibelsOf(graph, model, {x: randomTensor([2, 64], 6)})).toBeGreaterThan(18);
    }
  });

  it('stay in float where that was asked for or no kernel takes them, each with its reason', () => {
    const weight = (name: string, dims: number[]) => randomWeight(name, dims, dims[0]!, 0.1);
    const infinite = new Float32Array(64 * 64).fill(1);
    infinite[77] = NaN;
    const graph = graphOf(
      [
        node('MatMul', ['x', 'asked'], ['a']),
        node('MatMul', ['z', 'tiny'], ['b']),
        node('MatMul', ['a', 'nan'], ['c']),
        node('MatMul', ['a', 'three'], ['d']),
        node('Gemm', ['a', 'turned'], ['e'], {transA: {int: 1n}}),
        node('MatMul', ['left', 'a'], ['f']),
        node('Gemm', ['a', 'asked', 'c'], ['g'], {beta: {float: 0.5}}),
        node('Gather', ['words', 'ids'], ['h'], {axis: {int: 1n}}),
        node('Relu', ['a'], ['i']),
      ],
      [
        weight('asked', [64, 64]),
        weight('tiny', [4, 64]),
        tensorFromValue('nan', floats([64, 64], infinite)),
        weight('three', [1, 64, 64]),
        weight('turned', [64, 64]),
        weight('left', [64, 64]),
        weight('words', [64, 64]),
      ],
      {x: [64, 64], z: [64, 4], ids: [2]},
      Object.fromEntries(['b', 'd', 'e', 'f', 'g', 'h', 'i'].map(name => [name, [64, 64]])),
    );
    const {floatLayers} = quantizeToBlocks(graph, {keepFloat: new Map([['matmul-a', 'asked-for']])});
    expect(Object.fromEntries(floatLayers.map(({layer, reason}) => [layer, reason]))).toEqual({
      'matmul-a': 'asked-for',
      'matmul-b': 'too-small',
      'matmul-c': 'weights-not-finite',
      'matmul-d': 'weights-not-a-matrix',
      'gemm-e': 'no-kernel',
      'matmul-f': 'no-kernel',
      'gemm-g': 'weights-not-constant',
      'gather-h': 'no-kernel',
    });
  });

  it('of a model with weights that a caller may override are left alone', () => {
    const {model} = dense();
    const overridable = graphFromModel({
      ...model,
      graph: {...model.graph, inputs: [...model.graph.inputs, createUntypedValueInfo('w')]},
    });
    expect(quantizeToBlocks(overridable).floatLayers).toEqual([
      {layer: 'matmul-y', reason: 'weights-not-constant'},
    ]);
  });

  it('take larger blocks, and say so, where the file would be more than its share', () => {
    // 520 rows are 17 blocks of 32, or nine of 64.
    const graph = dense(520, 400);
    const shareOf = ({model}: {model: OnnxModel}): number =>
      bytesOfModel(model).length / bytesOfModel(graph.model).length;
    const plain = quantizeToBlocks(graph);
    const enlarged = quantizeToBlocks(graph, {largestShare: 0.16});
    expect(shareOf(plain)).toBeGreaterThan(0.16);
    expect(shareOf(enlarged)).toBeLessThan(0.16);
    expect(enlarged.decisions).toEqual([
      ...plain.decisions,
      {
        decision: 'blocks of 64 in w',
        reason: 'with blocks of 32 everywhere the file would be more than 16 % of the float one',
      },
    ]);
    expect(quantizeToBlocks(graph, {largestShare: 0.17}).decisions).toEqual(plain.decisions);
  });

  it('before DequantizeLinear are fused to the same kernels, also where a Relu follows the bias', async () => {
    const graph = graphOf(
      [node('Gemm', ['x', 'w', 'b'], ['h']), node('Relu', ['h'], ['y'])],
      [randomWeight('w', [64, 48], 1, 0.1), randomWeight('b', [48], 2)],
      {x: [1, 64]},
      {y: [1, 48]},
    );
    const {model} = quantizeToBlocks(graph, {format: 'dequantize'});
    expect(operatorsOf(model)).toEqual(['DequantizeLinear', 'MatMul', 'Sum', 'Relu']);
    for (const level of ['extended', 'all'] as const) {
      expect(await operatorsAt(model, level)).toEqual(['MatMulNBits', 'Sum', 'Relu']);
    }
  });

  it('of tables are int8 with a scale per row where the format is one of standard operators', async () => {
    const {model, floatLayers} = quantizeToBlocks(SMALL, {format: 'dequantize'});
    expect(operatorsOf(model).slice(0, 4)).toEqual(['Gather', 'Cast', 'Gather', 'Mul']);
    expect(floatLayers.map(({reason}) => reason)).toEqual(['weights-not-constant', 'weights-not-constant']);
    expect(model.graph.nodes.every(({domain}) => domain === '')).toBe(true);
    expect(await decibelsOf(SMALL, model, IDS, 'scores')).toBeGreaterThan(18);
  });

  it('before DequantizeLinear need opset 21', () => {
    const graph = graphFromModel({...dense().model, opsetImports: [{domain: '', version: 17, unknown: []}]});
    expect(() => quantizeToBlocks(graph, {format: 'dequantize'})).toThrow(/opset 21/);
    expect(quantizeToBlocks(graph).floatLayers).toEqual([]);
  });

  it('come closer to the model when their scales are searched for', async () => {
    const feeds = {x: randomTensor([7, 200], 2)};
    const [plain, searched] = await Promise.all(
      (['max', 'mse'] as const).map(search =>
        decibelsOf(dense(), quantizeToBlocks(dense(), {search, accuracyLevel: 1}).model, feeds),
      ),
    );
    expect(searched).toBeGreaterThan(plain! + 0.2);
  });
});
