import type {OnnxModel} from './onnx/messages.ts';

/** The first version of the format in which an initialiser need not be an input too. */
const IR_VERSION_WITHOUT_INPUTS = 4;

/**
 * Takes weights off the list of inputs: listed there a caller may override them, and the runtime then neither folds nor
 * fuses anything that reads one. The same model when none is listed.
 */
export function stripOverridableInitializers(model: OnnxModel): OnnxModel {
  const weights = new Set([
    ...model.graph.initializers.map(({name}) => name),
    ...model.graph.sparseInitializers.map(({values}) => values.name),
  ]);
  const inputs = model.graph.inputs.filter(({name}) => !weights.has(name));
  if (inputs.length === model.graph.inputs.length) return model;
  return {
    ...model,
    irVersion: Math.max(model.irVersion, IR_VERSION_WITHOUT_INPUTS),
    graph: {...model.graph, inputs},
  };
}
