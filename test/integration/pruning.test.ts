import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {NamedTensors} from '../../src/documents/tensor.ts';
import type {Graph} from '../../src/model/graph.ts';
import {layerCosts} from '../../src/model/layerCosts.ts';
import {bytesOfTensor} from '../../src/model/onnx/tensorData.ts';
import {channelLayers} from '../../src/quantize/pruning/channelLayers.ts';
import type {CalibrationSamples} from '../../src/quantize/pruning/inputStatistics.ts';
import {proposePruning, type PruningCandidate} from '../../src/quantize/pruning/proposePruning.ts';
import {sparsifyTwoOfFour} from '../../src/quantize/pruning/sparsifyTwoOfFour.ts';
import {startSampleRunner} from '../../src/workflows/startSampleRunner.ts';
import {int, ints, NetworkBuilder, startNumbers} from '../unit/quantize/pruning/networks.ts';
import {runModel} from './cutRecipe.ts';
import {floats, numbersOf} from './smallModels.ts';

const SIDE = 8;
const CALIBRATION = 16;
const HELD_OUT = 8;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgewise-pruning-'));
});
afterAll(() => rmSync(folder, {recursive: true, force: true}));

/** A residual network with a depthwise layer, a Concat and a dense end, whose channels repeat each other to a degree. */
function network(seed: number): Graph {
  const next = startNumbers(seed);
  const net = new NetworkBuilder();
  const redundant = (outputs: number, inputs: number, taps: number): number[] => {
    const size = inputs * taps;
    const basis = Array.from({length: 4}, () => Array.from({length: size}, () => next() / Math.sqrt(size)));
    return Array.from({length: outputs}, () => basis.map(() => next())).flatMap(mix =>
      Array.from({length: size}, (_, at) =>
        mix.reduce((sum, part, of) => sum + part * basis[of]![at]!, 0.02 * next()),
      ),
    );
  };
  const conv = (x: string, outputs: number, kernel: number, groups = 1): string => {
    const [, inputs = 0] = net.shapes.get(x)!;
    const weight = net.floats(
      [outputs, inputs / groups, kernel, kernel],
      redundant(outputs, inputs / groups, kernel * kernel),
    );
    const bias = net.floats(
      [outputs],
      Array.from({length: outputs}, () => next() / 4),
    );
    const pad = (kernel - 1) / 2;
    return net.layer('Conv', [x, weight, bias], [1, outputs, SIDE, SIDE], {
      kernel_shape: ints(kernel, kernel),
      pads: ints(pad, pad, pad, pad),
      group: int(groups),
    });
  };
  const relu = (x: string): string => net.layer('Relu', [x], net.shapes.get(x)!);
  const stem = relu(conv(net.input('picture', [1, 3, SIDE, SIDE]), 16, 3));
  const branch = conv(relu(conv(stem, 16, 3)), 16, 3);
  const sum = relu(net.layer('Add', [branch, stem], [1, 16, SIDE, SIDE]));
  const filtered = relu(conv(sum, 16, 3, 16));
  const joined = net.layer('Concat', [conv(filtered, 8, 1), conv(sum, 8, 1)], [1, 16, SIDE, SIDE], {
    axis: int(1),
  });
  const mean = net.layer('GlobalAveragePool', [relu(joined)], [1, 16, 1, 1]);
  const flat = net.layer('Flatten', [mean], [1, 16], {axis: int(1)});
  const dense = net.floats([4, 16], redundant(4, 16, 1));
  return net.graph([net.layer('Gemm', [flat, dense], [1, 4], {transB: int(1)})]);
}

function picture(index: number): NamedTensors {
  const next = startNumbers(1000 + index);
  return {
    picture: floats(
      [1, 3, SIDE, SIDE],
      Array.from({length: 3 * SIDE * SIDE}, () => 2 * next()),
    ),
  };
}

function calibration(): CalibrationSamples {
  const source = {requestCount: CALIBRATION, readRequest: (index: number) => Promise.resolve(picture(index))};
  return {runner: startSampleRunner(source, {temporaryFolder: folder, threads: 1}), from: 0, to: CALIBRATION};
}

/** Mean square of what the answers miss on samples that nothing was learned from. */
async function errorOf(graph: Graph, other: Graph): Promise<number> {
  let total = 0;
  for (let index = CALIBRATION; index < CALIBRATION + HELD_OUT; index += 1) {
    const [name = ''] = graph.outputs;
    const [expected, found] = [
      numbersOf((await runModel(graph.model, picture(index), folder))[name]),
      numbersOf((await runModel(other.model, picture(index), folder))[name]),
    ];
    expect(found).toHaveLength(expected.length);
    total += found.reduce((sum, value, at) => sum + (value - expected[at]!) ** 2, 0);
  }
  return total / HELD_OUT;
}

async function proposals(graph: Graph, shares: readonly number[]): Promise<PruningCandidate[]> {
  const made: PruningCandidate[] = [];
  for await (const one of proposePruning(graph, calibration(), {shares, multipleOf: 2})) made.push(one);
  return made;
}

describe('pruning on calibration samples', () => {
  it('saves the multiply-adds that are asked for, and fitting again brings the answers back', async () => {
    const graph = network(1);
    const before = layerCosts(graph).totals.multiplyAdds;
    const made = await proposals(graph, [0.2, 0.4, 0.6]);
    expect(made).toHaveLength(3);
    for (const [at, {graph: pruned, unfitted, savedShare, groups}] of made.entries()) {
      expect(savedShare).toBeGreaterThanOrEqual([0.2, 0.4, 0.6][at]!);
      expect(1 - layerCosts(pruned).totals.multiplyAdds / before).toBeCloseTo(savedShare, 9);
      expect(
        groups.every(({channels, removed}) => (channels - removed) % 2 === 0 && removed < channels),
      ).toBe(true);
      expect(await errorOf(graph, pruned)).toBeLessThan(0.5 * (await errorOf(graph, unfitted)));
    }
  });

  it('gives the same models again', async () => {
    const [first, second] = [await proposals(network(2), [0.3]), await proposals(network(2), [0.3])];
    expect(second[0]!.graph.model.graph.initializers.map(bytesOfTensor)).toEqual(
      first[0]!.graph.model.graph.initializers.map(bytesOfTensor),
    );
  });

  it('of every four input channels of sparse layers two weights are 0, and the answers stay close', async () => {
    const graph = network(3);
    const {
      graph: sparse,
      sparseLayers,
      denseLayers,
    } = await sparsifyTwoOfFour(graph, calibration(), () => {});
    const layers = channelLayers(sparse);
    expect([...sparseLayers, ...denseLayers.map(({layer}) => layer)].toSorted()).toEqual(
      layers.map(({layer}) => layer).toSorted(),
    );
    expect(denseLayers.map(({reason}) => reason).toSorted()).toEqual([
      'channels-not-multiple-of-four',
      'grouped',
    ]);
    for (const {layer, weight} of layers) {
      if (!sparseLayers.includes(layer)) continue;
      const tensor = sparse.model.graph.initializers.find(({name}) => name === weight)!;
      const values = new Float32Array(bytesOfTensor(tensor).slice().buffer);
      const [outputs = 0, inputs = 0, ...kernel] = tensor.dims;
      const taps = kernel.reduce((product, size) => product * size, 1);
      for (let output = 0; output < outputs; output += 1) {
        for (let tap = 0; tap < taps; tap += 1) {
          for (let first = 0; first < inputs; first += 4) {
            const quad = [0, 1, 2, 3].map(at => values[(output * inputs + first + at) * taps + tap]);
            expect(quad.filter(value => value === 0).length).toBeGreaterThanOrEqual(2);
          }
        }
      }
    }
    const [name = ''] = graph.outputs;
    const answer = numbersOf((await runModel(graph.model, picture(CALIBRATION), folder))[name]);
    const power = answer.reduce((sum, value) => sum + value ** 2, 0);
    expect(await errorOf(graph, sparse)).toBeLessThan(0.05 * power);
  });
});
