import {describe, expect, it} from 'vitest';
import type {BoundaryEncoding, PixelValues} from '../../../../src/documents/boundary.ts';
import type {NamedTensors, Tensor} from '../../../../src/documents/tensor.ts';
import {extractSegments} from '../../../../src/model/extractSegments.ts';
import {withMeasuredTypes, type MeasuredType} from '../../../../src/model/exposeAllTensors.ts';
import type {Graph} from '../../../../src/model/graph.ts';
import {graphFromModel} from '../../../../src/model/graphFromModel.ts';
import {floatFromHalf, halfFromFloat} from '../../../../src/model/halfPrecision.ts';
import {
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../../../src/model/onnx/createMessages.ts';
import {encodeBoundary, type EncodedSegments} from '../../../../src/quantize/boundary/encodeBoundary.ts';
import {roundHalfEven} from '../../../../src/quantize/roundHalfEven.ts';
import {floatTensor, floatWeight, runHandMade, valuesOf} from '../../model/handMadeModels.ts';

// As in the engine's worker: the runtime's binding sees no bytes in the Float16Array that newer versions of Node have.
Reflect.deleteProperty(globalThis, 'Float16Array');

const SHAPE = [1, 3, 2, 2];
const SIZE = 12;
const INPUT = Array.from({length: SIZE}, (_, at) => (at - 5) * 0.37);

/** x -> hidden = x + 1 (an output too) -> mixed = hidden * w -> y = mixed + x: x and hidden cross after the first layer. */
function chain(opset = 17): Graph {
  const model = createModel(
    createGraph({
      nodes: [
        createNode('Add', ['x', 'one'], ['hidden'], {name: 'first'}),
        createNode('Mul', ['hidden', 'w'], ['mixed'], {name: 'second'}),
        createNode('Add', ['mixed', 'x'], ['y'], {name: 'third'}),
      ],
      initializers: [floatWeight('one', [1], [1]), floatWeight('w', [1], [3])],
      inputs: [createValueInfo('x', 'float32', SHAPE)],
      outputs: [createValueInfo('y', 'float32', SHAPE), createValueInfo('hidden', 'float32', SHAPE)],
    }),
    {opsetImports: [{domain: '', version: opset, unknown: []}]},
  );
  return withMeasuredTypes(graphFromModel(model), TYPES);
}

const TYPES: ReadonlyMap<string, MeasuredType> = new Map(
  ['x', 'hidden', 'mixed', 'y'].map(name => [name, {elementType: 'float32', shape: SHAPE}]),
);

function encode(
  headLayers: number,
  encodings: Readonly<Record<string, BoundaryEncoding>>,
  graph = chain(),
): EncodedSegments {
  const layers = new Set(Array.from({length: headLayers}, (_, index) => index));
  return encodeBoundary(extractSegments(graph, layers), {
    encodings: new Map(Object.entries(encodings)),
    types: TYPES,
    modelOutputs: graph.outputs,
  });
}

/** Runs both by the real runtime, and gives what crossed besides the answers. */
async function runInTwo(
  segments: EncodedSegments,
  x: readonly number[],
): Promise<{crossed: NamedTensors; answers: NamedTensors}> {
  const known: Record<string, Tensor> = {x: floatTensor(SHAPE, x)};
  const pick = (names: readonly string[]) => Object.fromEntries(names.map(name => [name, known[name]!]));
  if (segments.head) {
    const outputs = await runHandMade(segments.head, pick(segments.headInputs));
    expect(Object.keys(outputs).sort()).toEqual([...segments.headOutputs].sort());
    Object.assign(known, outputs);
  }
  const crossed = pick(segments.tailInputs);
  if (segments.tail) Object.assign(known, await runHandMade(segments.tail, crossed));
  return {crossed, answers: pick(['y', 'hidden'])};
}

const throughHalf = (values: readonly number[]): number[] =>
  values.map(value => floatFromHalf(halfFromFloat(value)));

const throughBytes = (values: readonly number[], scale: number, zeroPoint: number): number[] =>
  values.map(value => {
    const integer = roundHalfEven(Math.fround(value / scale)) + zeroPoint;
    return Math.fround(scale * (Math.min(255, Math.max(0, integer)) - zeroPoint));
  });

const hiddenOf = (x: readonly number[]): number[] => x.map(value => Math.fround(Math.fround(value) + 1));

describe('what crosses is encoded inside the segments', () => {
  it('as it is where nothing is asked for', async () => {
    const segments = encode(1, {});
    expect(segments.tailInputs).toEqual(['x', 'hidden']);
    expect(segments.wireTypes.size).toBe(0);
  });

  it.each([7, 13, 17])('opset %i: in half precision it takes half the bytes', async opset => {
    const segments = encode(1, {hidden: {precision: 'fp16'}}, chain(opset));
    expect(segments.tailInputs).toEqual(['x', 'hidden_fp16']);
    const {crossed, answers} = await runInTwo(segments, INPUT);
    expect(crossed['hidden_fp16']).toMatchObject({elementType: 'float16', shape: SHAPE});
    expect(crossed['hidden_fp16']?.bytes.byteLength).toBe(SIZE * 2);
    const rounded = throughHalf(hiddenOf(INPUT));
    expect(valuesOf(answers['y'])).toEqual(
      rounded.map((value, at) => Math.fround(Math.fround(value * 3) + Math.fround(INPUT[at]!))),
    );
    // The model's own output is not what travelled.
    expect(valuesOf(answers['hidden'])).toEqual(hiddenOf(INPUT));
  });

  it.each([7, 17])(
    'opset %i: as bytes with a scale it takes a quarter, and what is out of range is clipped',
    async opset => {
      const [scale, zeroPoint] = [Math.fround(0.011), 100];
      const segments = encode(1, {hidden: {precision: 'int8', scale, zeroPoint}}, chain(opset));
      const {crossed, answers} = await runInTwo(segments, INPUT);
      expect(crossed['hidden_int8']).toMatchObject({elementType: 'uint8', shape: SHAPE});
      expect(crossed['hidden_int8']?.bytes.byteLength).toBe(SIZE);
      expect(Math.max(...crossed['hidden_int8']!.bytes)).toBe(255);
      const rounded = throughBytes(hiddenOf(INPUT), scale, zeroPoint);
      expect(valuesOf(answers['y'])).toEqual(
        rounded.map((value, at) => Math.fround(Math.fround(value * 3) + Math.fround(INPUT[at]!))),
      );
    },
  );

  it('an input is encoded by a head that computes nothing else, and one that layers here read as well', async () => {
    for (const headLayers of [0, 1]) {
      const segments = encode(headLayers, {x: {precision: 'fp16'}});
      expect(segments.headInputs).toEqual(['x']);
      expect(segments.tailInputs).toContain('x_fp16');
      const {crossed, answers} = await runInTwo(segments, INPUT);
      expect(crossed['x_fp16']?.bytes.byteLength).toBe(SIZE * 2);
      const seenByTail = throughHalf(INPUT);
      const hidden = hiddenOf(headLayers === 0 ? seenByTail : INPUT);
      expect(valuesOf(answers['y'])).toEqual(
        hidden.map((value, at) => Math.fround(Math.fround(value * 3) + seenByTail[at]!)),
      );
    }
  });

  it('refuses what does not cross, and what is no float32', () => {
    expect(() => encode(1, {mixed: {precision: 'fp16'}})).toThrow('mixed does not cross');
    expect(() => encode(3, {x: {precision: 'fp16'}})).toThrow('no tail');
    const graph = chain();
    const integers = new Map([['hidden', {elementType: 'int64', shape: SHAPE} as const]]);
    expect(() =>
      encodeBoundary(extractSegments(graph, new Set([0])), {
        encodings: new Map([['hidden', {precision: 'fp16'}]]),
        types: integers,
        modelOutputs: graph.outputs,
      }),
    ).toThrow('hidden is not known to be float32');
  });
});

describe('pictures travel as their pixels, and come back to the bit', () => {
  const presets: Record<string, PixelValues> = {
    raw: {numerator: 1, denominator: 1, mean: [0], std: [1], channelAxis: 1},
    unit: {numerator: 1, denominator: 255, mean: [0, 0, 0], std: [1, 1, 1], channelAxis: 1},
    imagenet: {
      numerator: 1,
      denominator: 255,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      channelAxis: 1,
    },
    caffe: {numerator: 1, denominator: 1, mean: [104, 117, 123], std: [1, 1, 1], channelAxis: 1},
  };

  it.each(Object.keys(presets))('%s: every pixel value of every channel', async name => {
    const pixels = presets[name]!;
    const {numerator, denominator, mean, std} = pixels;
    // 256 values in 22 pictures of four pixels of each of three channels.
    for (let first = 0; first < 256; first += SIZE) {
      const bytes = Array.from({length: SIZE}, (_, at) => Math.min(255, first + ((at * 5) % SIZE)));
      const values = bytes.map((pixel, at) => {
        const channel = Math.floor(at / 4);
        const [m, s] = [mean[channel] ?? mean[0]!, std[channel] ?? std[0]!];
        return Math.fround(((pixel * numerator) / denominator - m) / s);
      });
      const segments = encode(0, {x: {precision: 'pixels', pixels}});
      const {crossed, answers} = await runInTwo(segments, values);
      expect([...crossed['x_pixels']!.bytes]).toEqual(bytes);
      expect(valuesOf(answers['hidden'])).toEqual(hiddenOf(values));
    }
  });

  it('what is no pixel becomes the nearest one', async () => {
    const segments = encode(0, {x: {precision: 'pixels', pixels: presets['raw']!}});
    const {crossed} = await runInTwo(segments, [-3, 0.4, 0.6, 254.7, 255, 300, 1, 2, 3, 4, 5, 6]);
    expect([...crossed['x_pixels']!.bytes]).toEqual([0, 0, 1, 255, 255, 255, 1, 2, 3, 4, 5, 6]);
  });
});
