import type {Graph} from './graph.ts';

/** How the nodes of another form of a model, such as a quantised one, stand for the model's own layers. */
export interface HomesInModel {
  /** By the name of a node of the other form: index of the layer that it computes for. */
  readonly ofLayer: ReadonlyMap<string, number>;
  /** By the name of a tensor of the other form. */
  readonly ofTensor: ReadonlyMap<string, number>;
  /** Tensors, inputs among them, that both forms have: there the one can go on from the other. */
  readonly common: ReadonlySet<string>;
}

/**
 * Follows the names that both forms have: a node belongs to the first layer, in the model's order, whose result needs it. A
 * result that the other form has no name for is made together with the next that it has.
 */
export function homesInModel(model: Graph, form: Graph): HomesInModel {
  const ofLayer = new Map<string, number>();
  const ofTensor = new Map<string, number>();
  const common = new Set(model.inputs.filter(name => form.tensors.get(name)?.isInput === true));
  const seen = new Set<number>();
  for (const {index, outputs} of model.layers) {
    for (const name of outputs) {
      const producer = form.tensors.get(name)?.producer ?? null;
      if (producer === null) continue;
      common.add(name);
      const waiting = [producer];
      for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
        const node = form.layers[at];
        if (node === undefined || seen.has(at)) continue;
        seen.add(at);
        ofLayer.set(node.name, index);
        for (const output of node.outputs) ofTensor.set(output, index);
        for (const input of [...node.inputs, ...node.outerInputs]) {
          const maker = form.tensors.get(input)?.producer ?? null;
          if (maker !== null) waiting.push(maker);
        }
      }
    }
  }
  return {ofLayer, ofTensor, common};
}
