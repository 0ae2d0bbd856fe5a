import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {Plan} from '../../../../src/documents/plan.ts';
import {arrangeGraph} from '../../../../src/terminal/page/arrangeGraph.ts';
import {labelOfNode} from '../../../../src/terminal/page/labelOfNode.ts';
import {placeInOrder} from '../../../../src/terminal/page/placeInOrder.ts';
import {graphFromPlan, type PlanGraph} from '../../../../src/terminal/page/planGraph.ts';
import {goldenPlan, planOfGraph} from './samplePlans.ts';

const branches = planOfGraph([
  ['stem', 'device', ['image']],
  ['left', 'device', ['stem']],
  ['right', 'cloud', ['stem']],
  ['more', 'cloud', ['right']],
  ['join', 'cloud', ['left', 'more']],
  ['softmax', 'cloud', ['join']],
]);

function namesOf(plan: Plan, graph: PlanGraph): string[] {
  return graph.nodes.map(node => `${node.kind} ${labelOfNode(plan, node).name}`);
}

function edgesOf(plan: Plan, graph: PlanGraph): string[] {
  const names = namesOf(plan, graph);
  return graph.edges.map(([from, to]) => `${names[from]} → ${names[to]}`);
}

describe('the graph of a plan', () => {
  it('shows every tensor of the cut once, between the tier that makes it and all that read it', () => {
    const graph = graphFromPlan(branches, branches.tensors!, 'none');
    expect(namesOf(branches, graph)).toEqual([
      'input image',
      'layers stem',
      'layers left',
      'crossing stem_out',
      'crossing left_out',
      'layers right',
      'layers more',
      'layers join',
      'layers softmax',
      'crossing softmax_out',
      'output softmax_out',
    ]);
    expect(graph.bands).toEqual([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4]);
    expect(graph.zoneTiers).toEqual(['device', 'cloud', 'device']);
    expect(edgesOf(branches, graph)).toContain('layers stem → crossing stem_out');
    expect(edgesOf(branches, graph)).toContain('crossing stem_out → layers right');
    expect(edgesOf(branches, graph)).toContain('layers stem → layers left');
  });

  it('folds runs of a chain, but not across a branch, a join or the link', () => {
    const graph = graphFromPlan(branches, branches.tensors!, 'chains');
    expect(namesOf(branches, graph).filter(name => name.startsWith('layers'))).toEqual([
      'layers stem',
      'layers left',
      'layers right … more',
      'layers join … softmax',
    ]);
  });

  it('folds all of a tier between two cuts', () => {
    const graph = graphFromPlan(branches, branches.tensors!, 'zones');
    expect(namesOf(branches, graph).filter(name => name.startsWith('layers'))).toEqual([
      'layers stem … left',
      'layers right … softmax',
    ]);
  });

  it.each(['free', 'no-cloud', 'pinned', 'raw-input-stays', 'slow-link'] as const)(
    'has the tensors of the cut of the golden plan %s and no others',
    name => {
      const plan = goldenPlan(name);
      for (const folding of ['none', 'chains', 'zones'] as const) {
        const crossings = graphFromPlan(plan, plan.tensors!, folding).nodes.flatMap(node =>
          node.kind === 'crossing' ? [node.crossing] : [],
        );
        expect(crossings).toEqual(plan.cut);
      }
    },
  );

  it('goes back to the device where a plan does', () => {
    const plan = planOfGraph([
      ['a', 'device', ['image']],
      ['b', 'cloud', ['a']],
      ['c', 'device', ['b', 'a']],
    ]);
    const graph = graphFromPlan(plan, plan.tensors!, 'none');
    expect(graph.zoneTiers).toEqual(['device', 'cloud', 'device']);
    expect(edgesOf(plan, graph)).toContain('crossing b_out → layers c');
    expect(edgesOf(plan, graph)).toContain('layers a → layers c');
  });
});

/** Nodes with bands, and edges that go to no earlier node and no earlier band. */
const graphs = fc
  .array(fc.integer({min: 0, max: 3}), {minLength: 1, maxLength: 25})
  .map(bands => bands.sort((left, right) => left - right))
  .chain(bands =>
    fc.record({
      bands: fc.constant(bands),
      edges: fc
        .uniqueArray(fc.tuple(fc.nat(bands.length - 1), fc.nat(bands.length - 1)), {
          maxLength: 40,
          selector: edge => edge.join(),
        })
        .map(pairs => pairs.filter(([from, to]) => from < to)),
    }),
  );

describe('the arrangement of a graph', () => {
  it('lets every edge go down, keeps bands apart and lets no two boxes touch', () => {
    fc.assert(
      fc.property(graphs, ({bands, edges}) => {
        const width = 100;
        const {rows, xs, paths, rowCount} = arrangeGraph(
          bands.map(band => ({band, width})),
          edges,
        );
        for (const [at, [from, to]] of edges.entries()) {
          expect(rows[from]!).toBeLessThan(rows[to]!);
          expect(paths[at]).toHaveLength(rows[to]! - rows[from]! + 1);
          expect([paths[at]![0], paths[at]!.at(-1)]).toEqual([xs[from], xs[to]]);
        }
        for (let row = 0; row < rowCount; row++) {
          const inRow = rows.flatMap((other, index) => (other === row ? [index] : []));
          expect(new Set(inRow.map(index => bands[index])).size).toBe(1);
          const sorted = inRow.map(index => xs[index]!).sort((left, right) => left - right);
          sorted.slice(1).forEach((x, at) => expect(x - sorted[at]!).toBeGreaterThan(width));
        }
        expect(Math.min(...xs)).toBeGreaterThanOrEqual(width / 2 - 1e-9);
      }),
      {numRuns: 200},
    );
  });

  it('puts a chain in a straight line', () => {
    const nodes = Array.from({length: 6}, () => ({band: 0, width: 50}));
    const {xs} = arrangeGraph(
      nodes,
      nodes.slice(1).map((_, at) => [at, at + 1]),
    );
    for (const x of xs) expect(x).toBeCloseTo(25, 6);
  });
});

describe('positions in order', () => {
  it.each([
    ['what fits stays', [0, 10], [1, 1], [5], [0, 10]],
    ['what is too near parts to both sides', [0, 0], [1, 1], [4], [-2, 2]],
    ['the heavier moves less', [0, 0], [3, 1], [4], [-1, 3]],
    ['what is out of order meets in the middle', [10, 0], [1, 1], [2], [4, 6]],
  ])('%s', (_, wanted, weights, distances, expected) => {
    placeInOrder(wanted, weights, distances).forEach((x, at) => expect(x).toBeCloseTo(expected[at]!, 9));
  });
});
