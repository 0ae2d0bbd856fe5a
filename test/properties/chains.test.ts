import fc from 'fast-check';
import {expect, it} from 'vitest';
import {extractChain} from '../../src/model/extractChain.ts';
import type {Graph} from '../../src/model/graph.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {nestCalls, type PlacedSegment} from '../../src/model/nestCalls.ts';
import {createGraph, createModel, createNode, createValueInfo} from '../../src/model/onnx/createMessages.ts';
import {orderSegments, type Segment} from '../../src/model/orderSegments.ts';
import {misplacedSegments, runNestedCalls, segmentsIn} from './runNestedCalls.ts';

const INPUTS = ['in0', 'in1'];

/** Each layer reads one to three of what came before and has a tier; some tensors are outputs too. */
function anyPlaced(maxLayers: number, tierCount: number) {
  const layer = fc.record({
    reads: fc.array(fc.nat(), {minLength: 1, maxLength: 3}),
    isOutput: fc.boolean(),
    hasTwo: fc.boolean(),
    tier: fc.nat({max: tierCount - 1}),
  });
  return fc.array(layer, {minLength: 1, maxLength: maxLayers}).map(layers => {
    const known = [...INPUTS];
    const outputs: string[] = [];
    const nodes = layers.map(({reads, isOutput, hasTwo}, index) => {
      const inputs = reads.map(read => known[read % known.length]!);
      const made = hasTwo ? [`t${index}`, `t${index}b`] : [`t${index}`];
      known.push(...made);
      if (isOutput || index === layers.length - 1) outputs.push(made[0]!);
      return createNode(hasTwo ? 'Split' : 'Sum', inputs, made, {name: `layer${index}`});
    });
    const model = createModel(
      createGraph({
        nodes,
        inputs: INPUTS.map(name => createValueInfo(name, 'float32', [1])),
        outputs: outputs.map(name => createValueInfo(name, 'float32', [1])),
      }),
    );
    return {graph: graphFromModel(model), tiers: layers.map(({tier}) => tier)};
  });
}

function producersOf(graph: Graph): number[][] {
  return graph.layers.map(layer => layer.inputs.flatMap(name => graph.tensors.get(name)?.producer ?? []));
}

/** Hops of the way from tier 0 through the segments and back, then how many segments; the first decides. */
function costOf(tiers: readonly number[]): [number, number] {
  const way = [0, ...tiers, 0];
  return [way.slice(1).reduce((sum, tier, at) => sum + Math.abs(tier - way[at]!), 0), tiers.length];
}

/** By trying every order of the layers. */
function cheapestByBruteForce(graph: Graph, tiers: readonly number[]): [number, number] {
  const needs = producersOf(graph);
  let best: [number, number] = [Infinity, Infinity];
  const seen = new Set<string>();
  const visit = (done: readonly number[], runs: readonly number[]): void => {
    const key = `${[...done].sort((a, b) => a - b).join()} ${runs.join()}`;
    if (seen.has(key)) return;
    seen.add(key);
    if (done.length === tiers.length) {
      const cost = costOf(runs);
      if (cost[0] < best[0] || (cost[0] === best[0] && cost[1] < best[1])) best = cost;
      return;
    }
    tiers.forEach((tier, index) => {
      if (done.includes(index) || needs[index]!.some(need => !done.includes(need))) return;
      visit([...done, index], runs.at(-1) === tier ? runs : [...runs, tier]);
    });
  };
  visit([], []);
  return best;
}

function placed(graph: Graph, segments: readonly Segment[]): PlacedSegment[] {
  const chain = extractChain(
    graph,
    segments.map(({layers}) => layers),
  );
  return chain.map(({inputs, outputs}, index) => ({tier: segments[index]!.tier, inputs, outputs}));
}

it('segments come in an order that can run, hold every layer once, and no order has fewer hops or, with as many, fewer segments', () => {
  fc.assert(
    fc.property(anyPlaced(8, 3), ({graph, tiers}) => {
      const segments = orderSegments(graph, tiers);
      const order = segments.flatMap(({layers}) => layers);
      expect(order.toSorted((a, b) => a - b)).toEqual(graph.layers.map(({index}) => index));
      const needs = producersOf(graph);
      order.forEach((layer, place) => {
        for (const need of needs[layer]!) expect(order.indexOf(need)).toBeLessThan(place);
      });
      for (const {tier, layers} of segments) for (const layer of layers) expect(tiers[layer]).toBe(tier);
      expect(costOf(segments.map(({tier}) => tier))).toEqual(cheapestByBruteForce(graph, tiers));
    }),
    {numRuns: 400},
  );
});

it('each link of a chain is a model by itself that takes and gives no more than others need', () => {
  fc.assert(
    fc.property(anyPlaced(14, 3), ({graph, tiers}) => {
      const segments = orderSegments(graph, tiers);
      const chain = extractChain(
        graph,
        segments.map(({layers}) => layers),
      );
      const known = new Set(graph.inputs);
      chain.forEach(({model, inputs, outputs}, place) => {
        // graphFromModel refuses a part that misses a tensor.
        const part = graphFromModel(model);
        expect(part.layers.map(({name}) => name)).toEqual(
          segments[place]!.layers.map(index => graph.layers[index]!.name),
        );
        expect(part.inputs).toEqual(inputs);
        for (const name of inputs) expect(part.tensors.get(name)!.consumers).not.toEqual([]);
        expect(inputs.filter(name => !known.has(name))).toEqual([]);
        const later = new Set(chain.slice(place + 1).flatMap(link => link.inputs));
        for (const name of outputs) expect(later.has(name) || graph.outputs.includes(name), name).toBe(true);
        outputs.forEach(name => known.add(name));
      });
      expect(graph.outputs.filter(name => !known.has(name))).toEqual([]);
    }),
    {numRuns: 300},
  );
});

it('calls give every segment what it needs, on its tier and in order, and no tensor crosses a link twice the same way', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyPlaced(14, 3),
      fc.boolean(),
      fc.constantFrom<readonly number[]>([1, 2], [1], []),
      async ({graph, tiers}, isDirect, keepers) => {
        const segments = orderSegments(graph, tiers);
        const chain = placed(graph, segments);
        const steps = nestCalls(chain, {
          inputs: graph.inputs,
          outputs: graph.outputs,
          hasDirectLink: (from, to) => isDirect && from === 0 && to === 2,
          canKeep: tier => keepers.includes(tier),
        });
        expect(segmentsIn(steps)).toEqual(chain.map((_, index) => index));
        expect(misplacedSegments(steps, chain)).toEqual([]);
        // A value is what made it and of what, so that a wrong or stale one would be seen.
        const given = new Map(graph.inputs.map(name => [name, name]));
        const runSegment = (segment: number, known: ReadonlyMap<string, string>) => {
          const own = new Map(chain[segment]!.inputs.map(name => [name, known.get(name)]));
          for (const index of segments[segment]!.layers) {
            const {inputs, outputs} = graph.layers[index]!;
            const value = `(${inputs.map(name => own.get(name)).join()})`;
            for (const name of outputs) own.set(name, `${name}${value}`);
          }
          return Promise.resolve(new Map(chain[segment]!.outputs.map(name => [name, own.get(name)!])));
        };
        const run = await runNestedCalls(steps, given, graph.outputs, runSegment);
        const whole = new Map(given);
        for (const {inputs, outputs} of graph.layers) {
          const value = `(${inputs.map(name => whole.get(name)).join()})`;
          for (const name of outputs) whole.set(name, `${name}${value}`);
        }
        for (const name of graph.outputs) expect(run.answers.get(name)).toBe(whole.get(name));
        for (const [link, names] of run.crossings) {
          // Who cannot keep is sent it anew with each call; what comes back does so once.
          const target = Number(link.slice(2));
          const mayRepeat = target > Number(link[0]) && !keepers.includes(target);
          if (!mayRepeat) expect(new Set(names).size, `${link}: ${names.join()}`).toBe(names.length);
        }
      },
    ),
    {numRuns: 600},
  );
});

it('a chain of whole layers back and forth asks as often as it has to, and long ones are ordered at once', () => {
  const count = 600;
  const nodes = Array.from({length: count}, (_, index) =>
    createNode('Relu', [index === 0 ? 'in0' : `t${index - 1}`], [`t${index}`], {name: `layer${index}`}),
  );
  const model = createModel(
    createGraph({
      nodes,
      inputs: [createValueInfo('in0', 'float32', [1])],
      outputs: [createValueInfo(`t${count - 1}`, 'float32', [1])],
    }),
  );
  const graph = graphFromModel(model);
  const tiers = graph.layers.map(({index}) => Math.floor(index / 3) % 3);
  expect(orderSegments(graph, tiers).map(({layers}) => layers.length)).toEqual(
    Array.from({length: count / 3}, () => 3),
  );
});
