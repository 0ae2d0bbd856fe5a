import {EXIT, ExpectedError} from '../errors.ts';
import type {FlowGraph} from './flowGraph.ts';
import type {PlacementProblem} from './problem.ts';

/** What an arc that may not be cut stands for; layers and tensors are indices into the problem. */
export type ArcMeaning =
  | {readonly kind: 'no-cloud' | 'cannot-run-in-cloud' | 'pinned' | 'link' | 'device'; readonly layer: number}
  | {readonly kind: 'flows-back' | 'cannot-cross' | 'shared'; readonly tensor: number};

/**
 * The error for a problem that no placement solves: a path of infinite arcs from the device's end to the cloud's is
 * a chain of demands that contradict each other, and the shortest one is told.
 */
export function errorFromConflict(
  problem: PlacementProblem,
  graph: FlowGraph,
  meanings: ReadonlyMap<number, ArcMeaning>,
): ExpectedError {
  const chain = shortestInfinitePath(graph, meanings);
  const first = chain[0];
  const last = chain.at(-1);
  if (first === undefined || last === undefined || !('layer' in last))
    throw new Error('the flow is infinite, yet no chain of infinite arcs leads from source to sink');
  const between = chain.slice(1, -1).flatMap(meaning => {
    if (meaning.kind === 'flows-back')
      return [`tensor ${nameOfTensor(problem, meaning.tensor)} cannot come back from the cloud`];
    if (meaning.kind === 'cannot-cross')
      return [`tensor ${nameOfTensor(problem, meaning.tensor)} cannot cross the link`];
    return [];
  });
  const hints =
    first.kind === 'no-cloud'
      ? ['Name a cloud under "clouds" in edgewise.yaml, or take the pin to the cloud away.']
      : ['Take one of the pins away, or turn constraints.keepRawInputOnDevice off in edgewise.yaml.'];
  return new ExpectedError(
    'nothing-feasible',
    `No placement fits: ${[reasonToStay(problem, first), ...shortened(between)].join(', ')}, ` +
      `and layer ${nameOfLayer(problem, last.layer)} is pinned to the cloud.`,
    EXIT.unsupported,
    {hints},
  );
}

function reasonToStay(problem: PlacementProblem, meaning: ArcMeaning): string {
  switch (meaning.kind) {
    case 'no-cloud':
      return 'there is no cloud';
    case 'cannot-run-in-cloud':
      return `layer ${nameOfLayer(problem, meaning.layer)} cannot run in the cloud`;
    case 'pinned':
      return `layer ${nameOfLayer(problem, meaning.layer)} is pinned to the device`;
    case 'cannot-cross':
      return `tensor ${nameOfTensor(problem, meaning.tensor)} cannot cross the link`;
    case 'link':
    case 'device':
    case 'shared':
    case 'flows-back':
      throw new Error(`an arc of kind ${meaning.kind} leaves the source`);
  }
}

function shortestInfinitePath(graph: FlowGraph, meanings: ReadonlyMap<number, ArcMeaning>): ArcMeaning[] {
  const leaving = new Map<number, {to: number; meaning: ArcMeaning}[]>();
  for (const [index, meaning] of meanings) {
    const {from, to} = graph.arc(index);
    const list = leaving.get(from);
    if (list === undefined) leaving.set(from, [{to, meaning}]);
    else list.push({to, meaning});
  }
  const cameBy = new Map<number, {from: number; meaning: ArcMeaning} | null>([[graph.source, null]]);
  const queue = [graph.source];
  for (const node of queue) {
    for (const {to, meaning} of leaving.get(node) ?? []) {
      if (cameBy.has(to)) continue;
      cameBy.set(to, {from: node, meaning});
      queue.push(to);
    }
  }
  const path: ArcMeaning[] = [];
  for (let step = cameBy.get(graph.sink); step; step = cameBy.get(step.from)) path.unshift(step.meaning);
  return path;
}

function nameOfLayer(problem: PlacementProblem, index: number): string {
  return problem.layers[index]?.name ?? `#${index}`;
}

function nameOfTensor(problem: PlacementProblem, index: number): string {
  return problem.tensors[index]?.name ?? `#${index}`;
}

function shortened(clauses: readonly string[]): readonly string[] {
  return clauses.length <= 4
    ? clauses
    : [...clauses.slice(0, 3), `… (${clauses.length - 3} more such steps)`];
}
