import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {Graph} from '../../../../src/model/graph.ts';
import type {AttributeValue} from '../../../../src/model/onnx/createMessages.ts';
import {floatsOf} from '../../../../src/quantize/accuracy/floatsOf.ts';
import {floatRows} from '../../../../src/quantize/correction/floatLayer.ts';
import {layerGeometry, type SampleTensor} from '../../../../src/quantize/correction/layerGeometry.ts';
import {samplePositions} from '../../../../src/quantize/correction/samplePositions.ts';
import {planQuantization} from '../../../../src/quantize/planQuantization.ts';
import {int, ints, NetworkBuilder, text} from '../pruning/networks.ts';
import {normalNumbers} from '../normalNumbers.ts';
import {U8S8} from '../schemes.ts';
import {normalSamples} from './samples.ts';

/** A layer without bias on input `x`; its output `y` keeps the shape that the runtime finds. */
function layerAlone(
  operator: string,
  inputShape: readonly number[],
  weightShape: readonly number[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): Graph {
  const net = new NetworkBuilder();
  const count = weightShape.reduce((all, size) => all * size, 1);
  const weight = net.floats(weightShape, normalNumbers(count, 5), 'weight');
  const outputs = net.layer(operator, [net.input('x', inputShape), weight], [], attributes, 'y');
  return net.graph([outputs]);
}

async function runtimeTensors(graph: Graph): Promise<{input: SampleTensor; output: SampleTensor}> {
  const found: SampleTensor[] = [];
  await normalSamples('x', graph.tensors.get('x')!.shape!, 1).run({
    model: {...graph.model, graph: {...graph.model.graph, outputs: []}},
    tensors: ['y_out'],
    mode: 'exact',
    visit: ({y_out}) => found.push({values: Float32Array.from(floatsOf(y_out!)), shape: y_out!.shape}),
  });
  const shape = graph.tensors.get('x')!.shape!;
  const size = shape.reduce((all, one) => all * one, 1);
  return {input: {values: normalNumbers(size, 1), shape}, output: found[0]!};
}

/** The largest difference between rows times inputs and what ONNX Runtime gives, at up to `most` positions. */
async function largestDifference(graph: Graph, most = Infinity): Promise<number> {
  const weighted = planQuantization(graph, U8S8).weighted[0]!;
  const geometry = layerGeometry(graph, weighted)!;
  const {input, output} = await runtimeTensors(graph);
  const rows = floatRows(graph, weighted, geometry);
  const {groups, inputsPerGroup: inputs, outputsPerGroup: outputs} = geometry;
  const positions = samplePositions(geometry.positionCount(output.shape), most, 0);
  let largest = 0;
  for (let group = 0; group < groups; group += 1) {
    const gathered = geometry.gatherInputs(group, input, output.shape, positions);
    const expected = geometry.gatherOutputs(group, output, positions);
    expect(gathered).toHaveLength(positions.length * inputs);
    for (let place = 0; place < positions.length * outputs; place += 1) {
      const [at, channel] = [Math.floor(place / outputs), group * outputs + (place % outputs)];
      let sum = 0;
      for (let one = 0; one < inputs; one += 1)
        sum += gathered[at * inputs + one]! * rows[channel * inputs + one]!;
      largest = Math.max(largest, Math.abs(sum - expected[place]!));
    }
  }
  return largest;
}

const padding = fc.constantFrom('NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER');

/** A convolution's axes: picture, kernel, stride, dilation, padding before and after. */
const axis = fc.record({
  size: fc.integer({min: 7, max: 10}),
  kernel: fc.integer({min: 1, max: 3}),
  stride: fc.integer({min: 1, max: 3}),
  dilation: fc.integer({min: 1, max: 2}),
  before: fc.integer({min: 0, max: 2}),
  after: fc.integer({min: 0, max: 2}),
});

describe("rows of weights times a layer's inputs are what ONNX Runtime computes", () => {
  it('for convolutions with one to three axes, strides, dilations, paddings and groups', async () => {
    const convolutions = fc.record({
      axes: fc.array(axis, {minLength: 1, maxLength: 3}),
      groups: fc.constantFrom(1, 2, 4),
      outputs: fc.constantFrom(4, 8),
      batch: fc.integer({min: 1, max: 2}),
      autoPad: padding,
    });
    await fc.assert(
      fc.asyncProperty(convolutions, async ({axes, groups, outputs, batch, autoPad}) => {
        const graph = layerAlone(
          'Conv',
          [batch, 4, ...axes.map(({size}) => size)],
          [outputs, 4 / groups, ...axes.map(({kernel}) => kernel)],
          {
            group: int(groups),
            strides: ints(...axes.map(({stride}) => stride)),
            // ONNX Runtime refuses dilations with SAME.
            dilations: ints(...axes.map(({dilation}) => (autoPad.startsWith('SAME') ? 1 : dilation))),
            ...(autoPad === 'NOTSET'
              ? {pads: ints(...axes.map(({before}) => before), ...axes.map(({after}) => after))}
              : {auto_pad: text(autoPad)}),
          },
        );
        expect(await largestDifference(graph, 64)).toBeLessThan(1e-4);
      }),
      {numRuns: 60},
    );
  });

  it.each([
    ['a convolution with nothing said', layerAlone('Conv', [1, 3, 5, 5], [2, 3, 3, 3])],
    ['a depthwise convolution', layerAlone('Conv', [1, 4, 5, 5], [8, 1, 3, 3], {group: int(4)})],
    ['a Gemm', layerAlone('Gemm', [6, 7], [7, 5])],
    ['a Gemm with a transposed matrix', layerAlone('Gemm', [6, 7], [5, 7], {transB: int(1)})],
    ['a MatMul of a matrix', layerAlone('MatMul', [6, 7], [7, 5])],
    ['a MatMul of many matrices', layerAlone('MatMul', [2, 3, 4, 7], [7, 5])],
  ])('for %s', async (_, graph) => {
    expect(await largestDifference(graph)).toBeLessThan(1e-5);
  });
});

describe('the geometry of a layer', () => {
  it('turns weights into rows and back without a change', () => {
    const graphs = [layerAlone('MatMul', [6, 7], [7, 5]), layerAlone('Conv', [1, 3, 5, 5], [2, 3, 3, 3])];
    for (const graph of graphs) {
      const geometry = layerGeometry(graph, planQuantization(graph, U8S8).weighted[0]!)!;
      const weights = normalNumbers(geometry.groups * geometry.inputsPerGroup * geometry.outputsPerGroup, 3);
      expect(geometry.weightsFromRows(geometry.rowsFromWeights(weights))).toEqual(weights);
    }
  });

  it.each([
    ['a Gemm that reads its input turned', layerAlone('Gemm', [7, 6], [7, 5], {transA: int(1)})],
    ['a Gemm with a factor', layerAlone('Gemm', [6, 7], [7, 5], {alpha: {float: 2}})],
    ['a MatMul with a matrix for each', layerAlone('MatMul', [2, 6, 7], [2, 7, 5])],
  ])('is not known of %s', (_, graph) => {
    const weighted = planQuantization(graph, U8S8).weighted[0]!;
    expect(layerGeometry(graph, weighted)).toBeNull();
  });
});

describe('sampled positions', () => {
  it('are all where there are few, else as many as asked for, ascending, without repeats', () => {
    expect([...samplePositions(4, 9, 3)]).toEqual([0, 1, 2, 3]);
    fc.assert(
      fc.property(
        fc.integer({min: 1, max: 5000}),
        fc.integer({min: 1, max: 300}),
        fc.nat(500),
        (all, most, at) => {
          const positions = [...samplePositions(all, most, at)];
          expect(positions).toHaveLength(Math.min(all, most));
          expect(new Set(positions).size).toBe(positions.length);
          expect(positions).toEqual(positions.toSorted((one, other) => one - other));
          expect(positions.at(-1)).toBeLessThan(all);
        },
      ),
    );
  });

  it('are other ones in every sample', () => {
    const seen = new Set(
      Array.from({length: 50}, (_, sample) => [...samplePositions(1000, 20, sample)]).flat(),
    );
    expect(seen.size).toBeGreaterThan(600);
  });
});
