import type {Graph} from './graph.ts';
import type {OnnxModel} from './onnx/messages.ts';
import {modelOfLayers, readsOf, tensorOf} from './modelOfLayers.ts';

export interface Segments {
  /** `null` when no layer runs there. */
  readonly head: OnnxModel | null;
  readonly tail: OnnxModel | null;
  /** What crosses from head to tail, model inputs that the tail reads included; the tail's inputs. */
  readonly boundary: readonly string[];
  readonly headInputs: readonly string[];
  /** The boundary tensors that the head makes, then the model outputs it makes. */
  readonly headOutputs: readonly string[];
  readonly tailInputs: readonly string[];
  /** The model outputs made by the tail. */
  readonly tailOutputs: readonly string[];
  /** Model outputs that are a model input or a weight: `weightOutputs` are made by the head, or by the tail without one. */
  readonly inputOutputs: readonly string[];
  readonly weightOutputs: readonly string[];
}

/**
 * The layers in `headLayers` and all others as two models: the tail run on the head's outputs gives what the whole
 * gives. A model input that no layer reads belongs to neither; whoever serves the whole still accepts it. An output that
 * is itself a model input (`inputOutputs`) is in neither: it is echoed. Weights and functions go where they are used.
 * @throws RangeError when a head layer needs a tail layer's result or an index is out of range
 */
export function extractSegments(graph: Graph, headLayers: ReadonlySet<number>): Segments {
  refuseOpenSet(graph, headLayers);
  const headSide = graph.layers.filter(layer => headLayers.has(layer.index));
  const tailSide = graph.layers.filter(layer => !headLayers.has(layer.index));
  const isMadeIn = (name: string, isHead: boolean): boolean => {
    const producer = tensorOf(graph, name).producer;
    return producer !== null && headLayers.has(producer) === isHead;
  };
  const headReads = readsOf(headSide);
  const tailReads = readsOf(tailSide);
  const outputs = [...new Set(graph.outputs)];
  const headInputs = graph.inputs.filter(name => headReads.has(name));
  const boundary = [...graph.tensors.values()]
    .filter(({name, isInput}) => tailReads.has(name) && (isInput || isMadeIn(name, true)))
    .map(({name}) => name);
  const crossing = boundary.filter(name => isMadeIn(name, true));
  const weightOutputs = outputs.filter(name => tensorOf(graph, name).isWeight);
  const headMade = outputs.filter(name => isMadeIn(name, true));
  const tailMade = outputs.filter(name => isMadeIn(name, false));
  const headOutputs = [
    ...crossing,
    ...headMade.filter(name => !crossing.includes(name)),
    ...(headSide.length > 0 ? weightOutputs : []),
  ];
  const tailOutputs = [...tailMade, ...(headSide.length > 0 ? [] : weightOutputs)];
  return {
    head: headSide.length === 0 ? null : modelOfLayers(graph, headSide, headInputs, headOutputs),
    tail: tailSide.length === 0 ? null : modelOfLayers(graph, tailSide, boundary, tailOutputs),
    boundary,
    headInputs,
    headOutputs,
    tailInputs: boundary,
    tailOutputs,
    inputOutputs: outputs.filter(name => tensorOf(graph, name).isInput),
    weightOutputs,
  };
}

function refuseOpenSet(graph: Graph, headLayers: ReadonlySet<number>): void {
  for (const index of headLayers) {
    const layer = graph.layers[index];
    if (layer === undefined) throw new RangeError(`no layer ${index} among ${graph.layers.length}`);
    for (const name of [...layer.inputs, ...layer.outerInputs]) {
      const producer = tensorOf(graph, name).producer;
      if (producer !== null && !headLayers.has(producer)) {
        throw new RangeError(
          `not down-closed: layer ${index} "${layer.name}" is in the head but needs "${name}" of layer ${producer}`,
        );
      }
    }
  }
}
