import type {OnnxModel} from '../model/onnx/messages.ts';
import {bodiesOf, nodesDeep} from '../model/subgraphs.ts';

/** Names that nothing in the model has, bodies of subgraphs included. */
export class FreshNames {
  readonly #taken: Set<string>;

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken);
  }

  /** The wanted name, with a number where it is taken. */
  take(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#taken.has(name); count += 1) name = `${wanted}_${count}`;
    this.#taken.add(name);
    return name;
  }
}

export function freshTensorNames({graph}: OnnxModel): FreshNames {
  const nodes = [...nodesDeep(graph.nodes)];
  const graphs = [graph, ...nodes.flatMap(bodiesOf)];
  return new FreshNames([
    ...nodes.flatMap(({inputs, outputs}) => [...inputs, ...outputs]),
    ...graphs.flatMap(({inputs, outputs}) => [...inputs, ...outputs].map(({name}) => name)),
    ...graphs.flatMap(({initializers}) => initializers.map(({name}) => name)),
    ...graphs.flatMap(({sparseInitializers}) => sparseInitializers.map(({values}) => values.name)),
  ]);
}

export function freshNodeNames({graph}: OnnxModel): FreshNames {
  return new FreshNames(graph.nodes.map(({name}) => name));
}
