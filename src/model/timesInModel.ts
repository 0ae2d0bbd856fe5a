import type {Graph} from './graph.ts';
import type {HomesInModel} from './homesInModel.ts';

interface TimedLayer {
  readonly name: string;
  readonly operator: string;
  readonly ms: number;
}

/**
 * What the kernels of another form of a model took, as times of the model's own layers: a kernel counts for the layer that its
 * node, or else what it makes or reads, belongs to. What belongs to none is shared out in proportion. The sum stays.
 * @param form as it was timed, its tensors and nodes called as in the form that `homes` speaks of where they are in both
 */
export function timesInModel(
  model: Graph,
  form: Graph,
  homes: HomesInModel,
  timed: readonly TimedLayer[],
): TimedLayer[] {
  const nodes = new Map(form.layers.map(layer => [layer.name, layer]));
  const sums = model.layers.map(() => 0);
  let homelessMs = 0;
  for (const {name, ms} of timed) {
    const {outputs = [], inputs = []} = nodes.get(name) ?? {};
    const home =
      homes.ofLayer.get(name) ??
      [...outputs, ...inputs].flatMap(tensor => homes.ofTensor.get(tensor) ?? []).at(0);
    if (home === undefined) homelessMs += ms;
    else sums[home] = (sums[home] ?? 0) + ms;
  }
  const total = sums.reduce((sum, ms) => sum + ms, 0);
  const factor = total > 0 ? 1 + homelessMs / total : 1;
  return model.layers.map(({name, operator}, index) => ({
    name,
    operator,
    ms: total > 0 ? (sums[index] ?? 0) * factor : homelessMs / model.layers.length,
  }));
}
