import type {Graph, Layer} from '../../model/graph.ts';
import {layerCosts} from '../../model/layerCosts.ts';
import {createUntypedValueInfo, createValueInfo} from '../../model/onnx/createMessages.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {integerAttribute, integersAttribute} from '../nodeAttributes.ts';

const BATCH = 'batch';

/** Multiply-adds of a model whose layers take longer to begin than to compute. */
const SMALL = 4e6;
/** Of such models so many samples are run at once, as long as what their layers make takes no more room than this. */
const MOST_AT_ONCE = 64;
const MOST_BYTES = 2 ** 22;

const ELEMENTWISE = operators(
  'Relu LeakyRelu Clip Sigmoid Tanh Elu Selu HardSigmoid HardSwish Softplus Softsign Erf Gelu Identity Abs Neg Exp Sqrt',
);
const OVER_PIXELS = operators(
  'Conv MaxPool AveragePool GlobalAveragePool GlobalMaxPool BatchNormalization InstanceNormalization LRN',
);
const BROADCASTING = operators('Add Sub Mul Div PRelu');

/** How many samples are worth running at once, where that can be done; 1 where it cannot. */
export function samplesAtOnce(graph: Graph): number {
  const {multiplyAdds, activationBytes} = layerCosts(graph).totals;
  if (multiplyAdds > SMALL || !treatsSamplesApart(graph)) return 1;
  return Math.max(1, Math.min(MOST_AT_ONCE, Math.floor(MOST_BYTES / Math.max(1, activationBytes))));
}

/**
 * Whether several samples can go through the model at once, joined along the first axis of its inputs: every layer makes of
 * each sample what it makes of it alone. Only where that is sure; the shapes of `graph` are those of one sample.
 */
export function treatsSamplesApart(graph: Graph): boolean {
  const {layers, inputs, outputs, tensors} = graph;
  const apart = new Set(inputs);
  const shapeOf = (name: string): readonly number[] | undefined => tensors.get(name)?.shape;
  const isOne = (name: string): boolean => {
    const shape = shapeOf(name);
    return shape !== undefined && shape.length > 1 && shape[0] === 1;
  };
  const isConstant = (name: string): boolean => tensors.get(name)?.isWeight === true;
  /** Of as many axes as the result, the first of them the samples'; or the same for all of them. */
  const broadcastsTo = (rank: number, name: string): boolean => {
    const shape = shapeOf(name);
    if (shape === undefined || shape.length > rank) return false;
    if (apart.has(name)) return shape.length === rank;
    return isConstant(name) && (shape.length < rank || shape[0] === 1);
  };

  const keepsApart = (layer: Layer): boolean => {
    const {operator, domain, node, inputs: read, outerInputs, outputs: made} = layer;
    const [first = '', ...others] = read;
    const [result = ''] = made;
    const rank = shapeOf(result)?.length ?? 0;
    if (domain !== '' || outerInputs.length > 0 || made.length !== 1 || !isOne(result)) return false;
    if (BROADCASTING.has(operator)) return read.every(name => broadcastsTo(rank, name));
    if (operator === 'Concat') {
      const axis = integerAttribute(node, 'axis', 0);
      return axis !== 0 && axis !== -rank && read.every(name => apart.has(name));
    }
    if (!apart.has(first) || !others.every(isConstant)) return false;
    if (ELEMENTWISE.has(operator)) return true;
    if (OVER_PIXELS.has(operator)) return rank > 2;
    switch (operator) {
      case 'Flatten':
        return integerAttribute(node, 'axis', 1) === 1;
      case 'Softmax':
        return integerAttribute(node, 'axis', -1) % rank !== 0;
      case 'Transpose':
        return integersAttribute(node, 'perm')?.[0] === 0;
      case 'MatMul':
        return shapeOf(others[0] ?? '')?.length === 2;
      case 'Gemm':
        return (
          integerAttribute(node, 'transA', 0) === 0 && others.slice(1).every(name => broadcastsTo(rank, name))
        );
      default:
        return false;
    }
  };

  if (!inputs.every(isOne)) return false;
  for (const layer of layers) {
    if (!keepsApart(layer)) return false;
    for (const name of layer.outputs) apart.add(name);
  }
  return outputs.every(name => apart.has(name));
}

/** The model for any number of samples; `graph` says what its inputs are for one. */
export function withOpenBatch(model: OnnxModel, {tensors}: Graph): OnnxModel {
  const {graph} = model;
  const inputs = graph.inputs.map(info => {
    const {elementType, shape, isInput} = tensors.get(info.name) ?? {};
    if (isInput !== true || elementType === undefined || shape === undefined) return info;
    return createValueInfo(info.name, elementType, [BATCH, ...shape.slice(1)]);
  });
  const outputs = graph.outputs.map(({name}) => createUntypedValueInfo(name));
  return {...model, graph: {...graph, inputs, outputs, valueInfos: []}};
}

function operators(names: string): ReadonlySet<string> {
  return new Set(names.split(' '));
}
