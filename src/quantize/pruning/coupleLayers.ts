import type {Graph, Layer} from '../../model/graph.ts';
import {constantValues} from './constantValues.ts';
import {ELEMENTWISE_RULES} from './coupleElementwise.ts';
import {VIEW_RULES} from './coupleViews.ts';
import {WEIGHTED_RULES} from './coupleWeighted.ts';
import {Coupling} from './coupling.ts';
import {refuseLayer, type CouplingContext} from './couplingContext.ts';

const RULES = new Map(Object.entries({...WEIGHTED_RULES, ...ELEMENTWISE_RULES, ...VIEW_RULES}));

/** Which channels of the model can only be removed together, and which must stay. Shapes have to be known for that. */
export function coupleLayers(graph: Graph): Coupling {
  const coupling = new Coupling(graph);
  const constants = constantValues(graph.model);
  const opset =
    graph.model.opsetImports.find(({domain}) => domain === '' || domain === 'ai.onnx')?.version ?? 0;
  for (const name of graph.inputs) coupling.refuseTensor(name, {reason: 'graph-input', layer: null});
  for (const layer of graph.layers) coupleLayer({graph, coupling, layer, constants, opset});
  for (const name of graph.outputs) coupling.refuseTensor(name, {reason: 'graph-output', layer: null});
  return coupling;
}

function coupleLayer(context: CouplingContext): void {
  const {graph, coupling, layer} = context;
  const rule = layer.domain === '' ? RULES.get(layer.operator) : undefined;
  if (layer.outerInputs.length > 0) refuseLayer(context, 'read-by-body');
  else if (rule === undefined) refuseLayer(context, 'operator-unknown');
  else if (!hasKnownShapes(graph, coupling, layer)) refuseLayer(context, 'shape-unknown');
  else rule(context);
}

/** Constant tensors that only tell a shape may be anything; the rules read them. */
function hasKnownShapes(graph: Graph, coupling: Coupling, layer: Layer): boolean {
  return [...layer.inputs, ...layer.outputs].every(
    name => coupling.shapeOf(name) !== undefined && graph.tensors.get(name)?.isSparse !== true,
  );
}
