import type {OnnxModel} from './onnx/messages.ts';
import {bodiesOf, nodesDeep} from './subgraphs.ts';

/** Gives a name that is not taken, nor any it gave before: the wanted one, numbered where it is taken. */
export type TakeName = (wanted: string) => string;

export function freshNames(taken: Iterable<string>): TakeName {
  const names = new Set(taken);
  return wanted => {
    let name = wanted;
    for (let count = 1; names.has(name); count += 1) name = `${wanted}_${count}`;
    names.add(name);
    return name;
  };
}

/** Names that no tensor of the model has. Bodies and functions count too: bodies see the names of the graphs around them. */
export function freshTensorNames(model: OnnxModel): TakeName {
  const nodes = [model.graph.nodes, ...model.functions.map(fn => fn.nodes)].flatMap(list => [
    ...nodesDeep(list),
  ]);
  const graphs = [model.graph, ...nodes.flatMap(bodiesOf)];
  return freshNames([
    ...nodes.flatMap(({inputs, outputs}) => [...inputs, ...outputs]),
    ...graphs.flatMap(({inputs, outputs}) => [...inputs, ...outputs].map(({name}) => name)),
    ...graphs.flatMap(({initializers}) => initializers.map(({name}) => name)),
    ...graphs.flatMap(({sparseInitializers}) => sparseInitializers.map(({values}) => values.name)),
  ]);
}
