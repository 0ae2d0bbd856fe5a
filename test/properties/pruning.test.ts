import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {modelExposingAllTensors} from '../../src/model/exposeAllTensors.ts';
import type {Graph} from '../../src/model/graph.ts';
import {bytesOfTensor, tensorFromValue} from '../../src/model/onnx/tensorData.ts';
import {mapSame} from '../../src/model/onnx/rewriteTensors.ts';
import {dependencyGroups, type DependencyGroups} from '../../src/quantize/pruning/dependencyGroups.ts';
import type {ChannelLayer} from '../../src/quantize/pruning/channelLayers.ts';
import {removeChannels} from '../../src/quantize/pruning/removeChannels.ts';
import {removeDeadChannels} from '../../src/quantize/pruning/removeDeadChannels.ts';
import {runModel} from '../integration/cutRecipe.ts';
import {floats, numbersOf} from '../integration/smallModels.ts';
import {startNumbers} from '../unit/quantize/pruning/networks.ts';
import {randomNetwork} from '../unit/quantize/pruning/randomNetwork.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgewise-pruning-'));
});
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const anyChoices = fc.array(fc.nat(1000), {minLength: 30, maxLength: 60});

it('without channels that nobody weighs, the model is smaller and its answers are the same', async () => {
  let removedChannels = 0;
  await fc.assert(
    fc.asyncProperty(anyChoices, fc.nat(1_000_000), async (choices, seed) => {
      const graph = randomNetwork(choices, seed);
      const dependencies = dependencyGroups(graph);
      const removed = someChannels(dependencies, seed + 1);
      removedChannels += removed.size;
      const unread = withZeros(graph, dependencies, removed, ({channelAxis}) => 1 - channelAxis);
      await expectSameAnswers(unread, removeChannels(unread, dependencies.coupling, removed));
    }),
    {numRuns: 300},
  );
  expect(removedChannels).toBeGreaterThan(1000);
});

it('channels that nothing flows into are found, and their constants go into the biases of those who read them', async () => {
  let removedChannels = 0;
  await fc.assert(
    fc.asyncProperty(anyChoices, fc.nat(1_000_000), async (choices, seed) => {
      const graph = randomNetwork(choices, seed);
      const dependencies = dependencyGroups(graph);
      const silent = someChannels(dependencies, seed + 1);
      const unmade = withZeros(graph, dependencies, silent, ({channelAxis}) => channelAxis);
      const {graph: smaller, removed} = removeDeadChannels(unmade);
      removedChannels += removed.reduce((sum, {count}) => sum + count, 0);
      await expectSameAnswers(unmade, smaller);
    }),
    {numRuns: 300},
  );
  expect(removedChannels).toBeGreaterThan(500);
});

it('without any channels of any one group, the model loads, and every tensor has the shape that is declared', async () => {
  let groupsTried = 0;
  await fc.assert(
    fc.asyncProperty(anyChoices, fc.nat(1_000_000), async (choices, seed) => {
      const graph = randomNetwork(choices, seed);
      const {coupling, groups} = dependencyGroups(graph);
      for (const {channels} of groups) {
        const removed = someOf(channels, seed + (groupsTried += 1));
        const pruned = removeChannels(graph, coupling, removed);
        const answers = await runModel(modelExposingAllTensors(pruned), feedsFor(pruned, 1), folder);
        for (const [name, {shape}] of Object.entries(answers))
          expect(shape, name).toEqual(pruned.tensors.get(name)?.shape);
        expect(pruned.outputs.map(name => pruned.tensors.get(name)?.shape)).toEqual(
          graph.outputs.map(name => graph.tensors.get(name)?.shape),
        );
      }
    }),
    {numRuns: 150},
  );
  expect(groupsTried).toBeGreaterThan(200);
});

/** Any but the first of every group. */
function someChannels({groups}: DependencyGroups, seed: number): Set<number> {
  return new Set(groups.flatMap(({channels}, at) => [...someOf(channels, seed + at)]));
}

/** Any but the first. */
function someOf(channels: readonly number[], seed: number): Set<number> {
  const next = startNumbers(seed);
  return new Set(channels.slice(1).filter(() => next() > 0));
}

async function expectSameAnswers(graph: Graph, other: Graph): Promise<void> {
  const feeds = feedsFor(graph, 1);
  const before = await runModel(graph.model, feeds, folder);
  const after = await runModel(other.model, feeds, folder);
  for (const name of graph.outputs) {
    const expected = numbersOf(before[name]);
    const found = numbersOf(after[name]);
    expect(found).toHaveLength(expected.length);
    const scale = Math.max(1, ...expected.map(Math.abs));
    found.forEach((value, index) => expect(Math.abs(value - expected[index]!) / scale).toBeLessThan(1e-5));
  }
}

/** The weights of these channels along one axis of every matrix product and convolution are 0. */
function withZeros(
  graph: Graph,
  {coupling, layers}: DependencyGroups,
  channels: ReadonlySet<number>,
  axisOf: (layer: ChannelLayer) => number,
): Graph {
  const zeroed = new Map(
    layers.flatMap(layer => (layer.isChannelwise ? [] : [[layer.weight, axisOf(layer)] as const])),
  );
  const initializers = mapSame(graph.model.graph.initializers, tensor => {
    const axis = zeroed.get(tensor.name);
    if (axis === undefined) return tensor;
    const classes = coupling.classes(tensor.name, axis);
    const values = new Float32Array(bytesOfTensor(tensor).slice().buffer);
    const inner = tensor.dims.slice(axis + 1).reduce((product, size) => product * size, 1);
    values.forEach((_, at) => {
      if (channels.has(classes[Math.floor(at / inner) % classes.length]!)) values[at] = 0;
    });
    return tensorFromValue(tensor.name, floats(tensor.dims, [...values]));
  });
  const {model} = graph;
  return {...graph, model: {...model, graph: {...model.graph, initializers}}};
}

function feedsFor(graph: Graph, seed: number) {
  const next = startNumbers(seed);
  return Object.fromEntries(
    graph.inputs.map(name => {
      const {shape = []} = graph.tensors.get(name)!;
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, floats(shape, Array.from({length: count}, next))];
    }),
  );
}
