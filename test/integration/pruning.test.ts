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
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {startNumbers} from '../unit/quantize/pruning/networks.ts';
import {redundantNetwork as network, SIDE} from '../unit/quantize/pruning/redundantNetwork.ts';
import {runModel} from './cutRecipe.ts';
import {floats, numbersOf} from './smallModels.ts';
import {prepareFloatModel} from '../../src/workflows/prepareFloatModel.ts';

const CALIBRATION = 16;
const HELD_OUT = 8;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgewise-pruning-'));
});
afterAll(() => rmSync(folder, {recursive: true, force: true}));

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
  it('says of which channels the readers are too wide to look at', async () => {
    const model = await prepareFloatModel({
      modelFile: 'templates/quickstart/pictures.onnx',
      inputShapes: {},
      temporaryFolder: folder,
    });
    const next = startNumbers(1);
    const source = {
      requestCount: 4,
      readRequest: () =>
        Promise.resolve({
          image: floats(
            [1, 3, 32, 32],
            Array.from({length: 3 * 32 * 32}, () => next()),
          ),
        }),
    };
    const samples = {
      runner: startSampleRunner(source, {temporaryFolder: folder, threads: 1}),
      from: 0,
      to: 4,
    };
    const told: unknown[] = [];
    const onTooWide = (groups: readonly unknown[]): unknown => told.push(...groups);
    const pruned: unknown[] = [];
    for await (const {groups} of proposePruning(model.graph, samples, {
      shares: [0.1],
      multipleOf: 8,
      onTooWide,
    }))
      pruned.push(...groups.flatMap(({layers}) => layers));
    await model.close();
    expect(told).toEqual([{makers: ['conv2'], reader: 'dense1', inputs: 4096}]);
    expect(pruned).not.toHaveLength(0);
    expect(pruned).not.toContain('conv2');
  });

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
