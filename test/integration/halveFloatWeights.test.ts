import {describe, expect, it} from 'vitest';
import {runOnce} from '../../src/engine/session.ts';
import type {Graph} from '../../src/model/graph.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {tensorFromValue} from '../../src/model/onnx/tensorData.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {halveFloatWeights} from '../../src/quantize/halveFloatWeights.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {Network} from '../unit/quantize/networks.ts';
import {fusedOperators} from './fusedOperators.ts';
import {floats} from './operatorCases.ts';

const SCHEME = targetByName('x86-vnni').recipe.candidates[0]!.scheme!;
/** Three convolutions, the first in float. */
const GRAPH = network();
const FLOAT = GRAPH.model;
const STORED = quantized();
const HALVED = halveFloatWeights(STORED);

describe('weights of float layers in half precision', () => {
  it('take half the room', () => {
    const saved = bytesFromModel(STORED).byteLength - bytesFromModel(HALVED).byteLength;
    // Two bytes of each weight of the first convolution, less the Cast.
    expect(saved).toBeGreaterThan(64 * 4 * 9 * 2 - 100);
  });

  it.each(['disabled', 'all'] as const)(
    'change answers by less than the integers do: %s',
    async optimization => {
      const x = floats(
        [1, 4, 8, 8],
        Array.from({length: 256}, (_, at) => Math.sin(at * at)),
      );
      const answers = await Promise.all(
        [FLOAT, STORED, HALVED].map(async model => {
          const {outputs} = await runOnce({bytes: bytesFromModel(model)}, {x}, {optimization, threads: 1});
          return new Float32Array(new Uint8Array(Object.values(outputs)[0]!.bytes).buffer);
        }),
      );
      const [exact, integers, halved] = answers as [Float32Array, Float32Array, Float32Array];
      const noiseOf = (one: Float32Array, other: Float32Array): number =>
        one.reduce((sum, value, at) => sum + (value - other[at]!) ** 2, 0);
      expect(noiseOf(halved, integers)).toBeLessThan(noiseOf(integers, exact) / 4);
      expect(noiseOf(halved, exact)).toBeLessThan(1.1 * noiseOf(integers, exact));
    },
  );

  it('are cast before the runtime fuses: the same kernels, and no Cast is left', async () => {
    expect(await fusedOperators(HALVED)).toEqual(await fusedOperators(STORED));
  });

  it('stay as they are where one is too large for it', () => {
    const initializers = STORED.graph.initializers.map(tensor =>
      tensor.dims.length === 4 && tensor.elementTypeCode === 1
        ? tensorFromValue(tensor.name, floats(tensor.dims, new Array<number>(64 * 4 * 9).fill(1e5)))
        : tensor,
    );
    const large = {...STORED, graph: {...STORED.graph, initializers}};
    expect(halveFloatWeights(large)).toBe(large);
  });
});

function network(): Graph {
  const net = new Network(5);
  const first = net.layer('first', 'Relu', [net.conv('a', net.input('x', [1, 4, 8, 8]), 4, 64)]);
  const second = net.layer('second', 'Relu', [net.conv('b', first, 64, 32)]);
  return net.graph([net.conv('c', second, 32, 4)]);
}

function quantized(): OnnxModel {
  const plan = planQuantization(GRAPH, SCHEME, new Map([['a', 'accuracy']]));
  const ranges = new Map(tensorsToMeasure(plan).map(tensor => [tensor, {min: -3, max: 3}]));
  return quantizeGraph(GRAPH, plan, SCHEME, ranges);
}
