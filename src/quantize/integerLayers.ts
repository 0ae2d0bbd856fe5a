import type {Graph} from '../model/graph.ts';
import type {Candidate} from './candidateLayers.ts';

/**
 * Which candidates compute on integers: the weighted ones, and between them whatever keeps the data in integers. Each
 * other layer needs what it reads to come in integers and somebody to take its result in integers, so everything before
 * the first and after the last weighted layer of a path stays in float. The greatest set with that property.
 */
export function integerLayers(
  graph: Graph,
  candidates: ReadonlyMap<number, Candidate>,
): Map<number, Candidate> {
  const chosen = new Map(candidates);
  for (let isSettled = false; !isSettled;) {
    isSettled = true;
    for (const [index, candidate] of chosen) {
      if (candidate.rule.kind === 'weighted') continue;
      if (readsIntegers(graph, candidate, chosen) && feedsIntegers(graph, candidate, chosen)) continue;
      chosen.delete(index);
      isSettled = false;
    }
  }
  return chosen;
}

/** Whether some layer of `chosen` reads a result of the candidate. */
export function feedsIntegers(
  graph: Graph,
  {outputs}: Candidate,
  chosen: ReadonlyMap<number, Candidate>,
): boolean {
  return outputs.some(name =>
    graph.tensors.get(name)?.consumers.some(next => chosen.get(next)?.inputs.includes(name)),
  );
}

/** Whether what the layer reads comes in integers: some of it, or all where it has to share one scale. */
export function readsIntegers(
  graph: Graph,
  {rule, inputs}: Candidate,
  chosen: ReadonlyMap<number, Candidate>,
): boolean {
  const comesInIntegers = (name: string): boolean => {
    const tensor = graph.tensors.get(name);
    if (tensor === undefined || tensor.isWeight) return false;
    const before = makerOf(graph, name, chosen);
    if (before !== undefined) return true;
    return tensor.consumers.some(next => chosen.get(next)?.rule.kind === 'weighted');
  };
  if (rule.kind === 'joined-scale') {
    return inputs.every(name => graph.tensors.get(name)?.isWeight === true || comesInIntegers(name));
  }
  return inputs.some(comesInIntegers);
}

/** The chosen layer whose result the tensor carries, seen through its activation. */
function makerOf(graph: Graph, name: string, chosen: ReadonlyMap<number, Candidate>): Candidate | undefined {
  const producer = graph.tensors.get(name)?.producer ?? -1;
  const direct = chosen.get(producer);
  if (direct !== undefined) return direct;
  const activation = graph.layers[producer];
  const before = chosen.get(graph.tensors.get(activation?.inputs[0] ?? '')?.producer ?? -1);
  return before?.activation?.layer === activation ? before : undefined;
}
