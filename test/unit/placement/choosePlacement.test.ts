import {describe, expect, it} from 'vitest';
import {EXIT, ExpectedError} from '../../../src/errors.ts';
import {chainCuts} from '../../../src/placement/chainCuts.ts';
import {choosePlacement} from '../../../src/placement/choosePlacement.ts';
import {costOfPlacement} from '../../../src/placement/costOfPlacement.ts';
import {FlowGraph} from '../../../src/placement/flowGraph.ts';
import {maximumFlow} from '../../../src/placement/maximumFlow.ts';
import type {PlacementProblem, ProblemLayer, ProblemTensor} from '../../../src/placement/problem.ts';
import {seededNumbers} from '../../../src/documents/seededNumbers.ts';

const link = {fixedNs: 0, upNsPerByte: 1, downNsPerByte: 1, perTensorNs: 0};
const layer = (
  name: string,
  deviceNs: number,
  cloudNs: number | null,
  pin?: 'device' | 'cloud',
): ProblemLayer => ({
  name,
  deviceNs,
  cloudNs,
  ...(pin === undefined ? {} : {pin: {tier: pin, reason: 'pinned-by-user'}}),
});
const tensor = (
  name: string,
  bytes: number,
  producer: number | null,
  consumers: number[],
  rest: Partial<ProblemTensor> = {},
): ProblemTensor => ({name, bytes, producer, consumers, isOutput: false, canCross: true, ...rest});

describe('the cheapest placement', () => {
  it('charges a tensor that three layers read once', () => {
    const problem: PlacementProblem = {
      layers: [layer('a', 0, null), layer('b', 50, 0), layer('c', 50, 0), layer('d', 50, 0)],
      tensors: [tensor('x', 1, null, [0]), tensor('y', 100, 0, [1, 2, 3])],
      link,
    };
    const placement = choosePlacement(problem);
    expect(placement.tiers).toEqual(['device', 'cloud', 'cloud', 'cloud']);
    expect(placement.costNs).toBe(100);
    expect(placement.crossing).toEqual([{tensor: 1, direction: 'up'}]);
  });

  it('pays the fixed cost once, and each tensor’s own', () => {
    const problem: PlacementProblem = {
      layers: [layer('a', 1000, 0), layer('b', 1000, 0)],
      tensors: [tensor('x', 10, null, [0]), tensor('y', 20, null, [1])],
      link: {...link, fixedNs: 300, perTensorNs: 7},
    };
    expect(choosePlacement(problem)).toMatchObject({
      costNs: 344,
      linkNs: 344,
      tiers: ['cloud', 'cloud'],
      upBytes: 30,
    });
  });

  it('pays for a cut once, and for handing over only what a layer on the device made', () => {
    const problem: PlacementProblem = {
      layers: [layer('a', 0, null), layer('b', 0, null), layer('c', 5000, 0)],
      tensors: [
        tensor('x', 10, null, [0, 2]),
        tensor('y', 20, 0, [2]),
        tensor('z', 30, 1, [2]),
        tensor('w', 1, null, [1]),
      ],
      link: {...link, cutFixedNs: 300, handoverNsPerByte: 3},
    };
    const placement = choosePlacement(problem);
    expect(placement.tiers).toEqual(['device', 'device', 'cloud']);
    expect(placement.costNs).toBe(300 + 10 + 4 * (20 + 30));
    const dearer = {...problem, link: {...link, cutFixedNs: 6000}};
    expect(choosePlacement(dearer).tiers).toEqual(['device', 'device', 'device']);
  });

  it('charges the way back of an output made in the cloud, even one that layers read too', () => {
    const problem: PlacementProblem = {
      layers: [layer('a', 1000, 0), layer('b', 1000, 0)],
      tensors: [
        tensor('x', 1, null, [0]),
        tensor('y', 200, 0, [1], {isOutput: true}),
        tensor('z', 5, 1, [], {isOutput: true}),
      ],
      link,
    };
    expect(choosePlacement(problem)).toMatchObject({costNs: 206, downBytes: 205});
  });

  it('charges an output made on the device only on its way up', () => {
    const problem: PlacementProblem = {
      layers: [layer('a', 0, null), layer('b', 1000, 0)],
      tensors: [tensor('x', 1, null, [0]), tensor('y', 200, 0, [1], {isOutput: true})],
      link,
    };
    expect(choosePlacement(problem)).toMatchObject({costNs: 200, upBytes: 200, downBytes: 0});
  });

  it('never charges an output that is an input handed through', () => {
    const problem: PlacementProblem = {
      layers: [layer('a', 5, 0)],
      tensors: [tensor('x', 1, null, [0], {isOutput: true})],
      link,
    };
    expect(choosePlacement(problem)).toMatchObject({costNs: 1, tiers: ['cloud'], downBytes: 0});
  });

  it('never sends data back from the cloud', () => {
    // b is dear in the cloud, yet what feeds it would be far cheaper there.
    const problem: PlacementProblem = {
      layers: [layer('a', 1000, 0), layer('b', 0, 400)],
      tensors: [tensor('x', 1, null, [0]), tensor('y', 1, 0, [1])],
      link,
    };
    expect(choosePlacement(problem)).toMatchObject({costNs: 401, tiers: ['cloud', 'cloud']});
  });

  it('keeps layers on the device when the cloud costs the same', () => {
    const problem: PlacementProblem = {
      layers: [layer('a', 10, 5), layer('b', 10, 5), layer('c', 0, 0)],
      tensors: [tensor('x', 10, null, [0]), tensor('y', 10, 0, [1]), tensor('z', 0, 1, [2])],
      link,
    };
    expect(choosePlacement(problem).tiers).toEqual(['device', 'device', 'device']);
  });

  it('is device-only without a cloud, and for a model without layers', () => {
    const layers = [layer('a', 10, null)];
    expect(choosePlacement({layers, tensors: [tensor('x', 10, null, [0])], link: null})).toMatchObject({
      tiers: ['device'],
      costNs: 10,
      certificate: {flowNs: 10, cutNs: 10},
    });
    expect(choosePlacement({layers: [], tensors: [], link})).toMatchObject({tiers: [], costNs: 0});
  });

  it('equals the best chain cut on a chain of 3,000 layers', () => {
    const next = seededNumbers(7);
    const whole = (below: number): number => Math.floor(next() * below);
    const count = 3000;
    const problem: PlacementProblem = {
      layers: Array.from({length: count}, (_, index) => layer(`l${index}`, whole(1e9), whole(1e9))),
      tensors: Array.from({length: count + 1}, (_, index) =>
        tensor(`t${index}`, whole(1e10), index === 0 ? null : index - 1, index === count ? [] : [index], {
          isOutput: index === count,
        }),
      ),
      link: {...link, fixedNs: 1e6},
    };
    const best = Math.min(...chainCuts(problem).map(({costNs}) => costNs));
    const placement = choosePlacement(problem);
    expect(placement.costNs).toBe(best);
    expect(new Set(placement.tiers).size).toBe(2);
  });
});

describe('when nothing fits', () => {
  const x = tensor('x', 1, null, [0]);
  const cases: Record<string, [PlacementProblem, string]> = {
    'a layer pinned to the device reads one pinned to the cloud': [
      {
        layers: [layer('a', 1, 1, 'cloud'), layer('b', 1, 1), layer('c', 1, 1, 'device')],
        tensors: [x, tensor('y', 1, 0, [1]), tensor('z', 1, 1, [2])],
        link,
      },
      'No placement fits: layer c is pinned to the device, tensor z cannot come back from the cloud, ' +
        'tensor y cannot come back from the cloud, and layer a is pinned to the cloud.',
    ],
    'the raw input would have to leave': [
      {layers: [layer('a', 1, 1, 'cloud')], tensors: [{...x, canCross: false}], link},
      'No placement fits: tensor x cannot cross the link, and layer a is pinned to the cloud.',
    ],
    'a tensor that no message carries lies between two pins': [
      {
        layers: [layer('a', 1, 1, 'device'), layer('b', 1, 1, 'cloud')],
        tensors: [x, tensor('y', 1, 0, [1], {canCross: false})],
        link,
      },
      'No placement fits: layer a is pinned to the device, tensor y cannot cross the link, and layer b is pinned to the cloud.',
    ],
    'an output that cannot come down is pinned up': [
      {
        layers: [layer('a', 1, 1, 'cloud')],
        tensors: [x, tensor('y', 1, 0, [], {isOutput: true, canCross: false})],
        link,
      },
      'No placement fits: tensor y cannot cross the link, and layer a is pinned to the cloud.',
    ],
    'a layer that the cloud cannot run is pinned to it': [
      {layers: [layer('a', 1, null, 'cloud')], tensors: [x], link},
      'No placement fits: layer a cannot run in the cloud, and layer a is pinned to the cloud.',
    ],
    'there is no cloud to pin to': [
      {layers: [layer('a', 1, null, 'cloud')], tensors: [x], link: null},
      'No placement fits: there is no cloud, and layer a is pinned to the cloud.',
    ],
  };
  it.each(Object.entries(cases))('%s', (_, [problem, message]) => {
    let thrown: unknown;
    try {
      choosePlacement(problem);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ExpectedError);
    expect(thrown).toMatchObject({code: 'nothing-feasible', exitCode: EXIT.unsupported, message});
  });
});

describe('the cost of a placement', () => {
  const problem: PlacementProblem = {
    layers: [layer('a', 1, 2, 'device'), layer('b', 3, null)],
    tensors: [tensor('x', 10, null, [0], {canCross: false}), tensor('y', 20, 0, [1])],
    link,
  };

  it('names every rule that it breaks', () => {
    expect(costOfPlacement(problem, ['cloud', 'device']).violations).toEqual([
      {kind: 'pinned', layer: 0},
      {kind: 'cannot-cross', tensor: 0, direction: 'up'},
      {kind: 'flows-back', tensor: 1},
    ]);
    expect(costOfPlacement(problem, ['device', 'cloud']).violations).toEqual([
      {kind: 'cannot-run-in-cloud', layer: 1},
    ]);
    expect(costOfPlacement({...problem, link: null}, ['device', 'cloud']).violations).toContainEqual({
      kind: 'no-cloud',
      layer: 1,
    });
  });

  it('refuses sums that are no longer exact, and tiers for other layers', () => {
    const huge = {...problem, layers: [layer('a', 2 ** 53 - 1, 0), layer('b', 1, 0)]};
    expect(() => costOfPlacement(huge, ['device', 'device'])).toThrow(RangeError);
    expect(() => choosePlacement(huge)).toThrow(RangeError);
    expect(() => costOfPlacement(problem, ['device'])).toThrow(RangeError);
  });
});

describe('the maximum flow', () => {
  it('of the textbook network is 23', () => {
    const graph = new FlowGraph(6, 0, 5);
    for (const [from, to, capacity] of [
      [0, 1, 16],
      [0, 2, 13],
      [1, 2, 10],
      [2, 1, 4],
      [1, 3, 12],
      [3, 2, 9],
      [2, 4, 14],
      [4, 3, 7],
      [3, 5, 20],
      [4, 5, 4],
    ] as const)
      graph.addArc(from, to, capacity);
    const {flow, isFinite, sourceSide} = maximumFlow(graph);
    expect({flow, isFinite}).toEqual({flow: 23, isFinite: true});
    expect([...sourceSide]).toEqual([1, 1, 1, 0, 1, 0]);
  });

  it('takes the minimum cut with the most nodes on the source’s side', () => {
    const graph = new FlowGraph(4, 0, 3);
    for (const [from, to] of [
      [0, 1],
      [1, 2],
      [2, 3],
    ] as const)
      graph.addArc(from, to, 5);
    expect([...maximumFlow(graph).sourceSide]).toEqual([1, 1, 1, 0]);
  });

  it('is infinite over infinite arcs, and zero over none', () => {
    const graph = new FlowGraph(3, 0, 2);
    graph.addArc(0, 1, Infinity);
    expect(maximumFlow(graph)).toMatchObject({flow: 0, isFinite: true});
    graph.addArc(1, 2, Infinity);
    expect(maximumFlow(graph).isFinite).toBe(false);
  });

  it('is exact at large capacities, where floats of the sum would not be', () => {
    const graph = new FlowGraph(4, 0, 3);
    graph.addArc(0, 1, 2 ** 50 + 1);
    graph.addArc(1, 3, 2 ** 50);
    graph.addArc(1, 2, 3);
    graph.addArc(2, 3, Infinity);
    expect(maximumFlow(graph).flow).toBe(2 ** 50 + 1);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses the capacity %d', capacity => {
    expect(() => new FlowGraph(2, 0, 1).addArc(0, 1, capacity)).toThrow(RangeError);
  });
});
