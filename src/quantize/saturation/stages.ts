import type {Graph, Layer} from '../../model/graph.ts';
import type {SaturatingLayer} from './saturatingLayers.ts';

/** Layers between which no saturating one lies, and the saturating ones that read their results. */
export interface Stage {
  /** In graph order. */
  readonly layers: readonly Layer[];
  readonly saturating: readonly SaturatingLayer[];
  /** Tensors that earlier stages, saturating layers or callers make. */
  readonly inputs: readonly string[];
  /** What later stages, saturating layers of this stage or callers read. */
  readonly outputs: readonly string[];
}

/** Cuts a graph at its saturating layers: as many stages as they follow one another at most, and one. */
export function stagesOf(graph: Graph, saturating: readonly SaturatingLayer[]): Stage[] {
  const byIndex = new Map(saturating.map(layer => [layer.layer.index, layer]));
  const stageOfTensor = new Map<string, number>();
  const stages: {layers: Layer[]; saturating: SaturatingLayer[]}[] = [];
  for (const layer of graph.layers) {
    const number = Math.max(0, ...readsOf(layer).map(name => stageOfTensor.get(name) ?? 0));
    while (stages.length <= number) stages.push({layers: [], saturating: []});
    const own = byIndex.get(layer.index);
    for (const name of layer.outputs) stageOfTensor.set(name, own === undefined ? number : number + 1);
    if (own === undefined) stages[number]?.layers.push(layer);
    else stages[number]?.saturating.push(own);
  }
  const isWeight = (name: string): boolean => graph.tensors.get(name)?.isWeight === true;
  return stages.map((stage, number) => {
    const made = new Set(stage.layers.flatMap(({outputs}) => outputs));
    const read = new Set([...stage.layers, ...stage.saturating.map(({layer}) => layer)].flatMap(readsOf));
    const readHere = new Set(stage.saturating.flatMap(({layer}) => layer.inputs));
    const readLater = new Set(
      stages
        .slice(number + 1)
        .flatMap(later => [...later.layers, ...later.saturating.map(({layer}) => layer)].flatMap(readsOf)),
    );
    const isWanted = (name: string): boolean =>
      readHere.has(name) || readLater.has(name) || graph.outputs.includes(name);
    return {
      ...stage,
      inputs: [...read].filter(name => !made.has(name) && !isWeight(name)),
      outputs: [...made].filter(isWanted),
    };
  });
}

function readsOf({inputs, outerInputs}: Layer): readonly string[] {
  return [...inputs, ...outerInputs];
}
