import {countElements} from '../documents/elementTypes.ts';
import {dropUnused} from './dropUnused.ts';
import type {Graph, Layer} from './graph.ts';
import {graphFromModel} from './graphFromModel.ts';
import {createAttribute} from './onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from './onnx/messages.ts';
import {bytesOfTensor, elementTypeOfTensor, tensorFromValue} from './onnx/tensorData.ts';

export interface FusedModel {
  readonly model: OnnxModel;
  /** Names of the layers that are gone. */
  readonly fused: readonly string[];
}

/** y = factor · x + offset, one of each per channel, in double precision. */
interface Affine {
  readonly factors: Float64Array;
  readonly offsets: Float64Array;
}

/**
 * Takes each BatchNormalization that alone reads a Conv, ConvTranspose or Gemm into that layer's weights and bias, where
 * all of them are constant: y = γ·(x − μ)/√(σ² + ε) + β is a factor and an offset per channel. Weights that other layers
 * read too are copied. One before a convolution stays: zero padding is no longer zero behind it.
 */
export function fuseBatchNormalization(model: OnnxModel): FusedModel {
  const graph = graphFromModel(model);
  const isOverridable = new Set(model.graph.inputs.map(({name}) => name));
  const weights = new Map(
    model.graph.initializers.flatMap(tensor =>
      isOverridable.has(tensor.name) ? [] : [[tensor.name, tensor] as const],
    ),
  );
  const taken = new Set(graph.tensors.keys());
  const replaced = new Map<OnnxNode, OnnxNode | null>();
  const added: OnnxTensor[] = [];
  const fused: string[] = [];
  for (const layer of graph.layers) {
    const producer = producerToFuse(graph, layer);
    const affine = producer && affineOf(layer, weights);
    const changed = producer && affine && applyAffine(producer, layer, affine, weights, taken);
    if (!changed) continue;
    replaced.set(producer.node, changed.node);
    replaced.set(layer.node, null);
    added.push(...changed.weights);
    fused.push(layer.name);
  }
  if (fused.length === 0) return {model, fused};
  const nodes = model.graph.nodes.flatMap(node => {
    const other = replaced.get(node);
    return other === undefined ? [node] : other === null ? [] : [other];
  });
  const made = new Set(nodes.flatMap(node => node.outputs));
  const valueInfos = model.graph.valueInfos.filter(({name}) => made.has(name));
  const initializers = [...model.graph.initializers, ...added];
  return {model: dropUnused({...model, graph: {...model.graph, nodes, initializers, valueInfos}}), fused};
}

function producerToFuse(graph: Graph, layer: Layer): Layer | null {
  const isInference = integerOf(layer.node, 'training_mode', 0) === 0 && layer.outputs.length === 1;
  if (layer.operator !== 'BatchNormalization' || layer.domain !== '' || !isInference) return null;
  const input = graph.tensors.get(layer.node.inputs[0] ?? '');
  if (input === undefined || input.producer === null || input.isOutput || input.consumers.length !== 1)
    return null;
  const producer = graph.layers[input.producer];
  const isKnown = ['Conv', 'ConvTranspose', 'Gemm'].includes(producer?.operator ?? '');
  return producer !== undefined && isKnown && producer.domain === '' ? producer : null;
}

function affineOf(layer: Layer, weights: ReadonlyMap<string, OnnxTensor>): Affine | null {
  const [scale, bias, mean, variance] = layer.node.inputs.slice(1).map(name => floatsOf(weights.get(name)));
  if (!scale || !bias || !mean || !variance) return null;
  const epsilon = layer.node.attributes.find(({name}) => name === 'epsilon')?.float ?? 1e-5;
  const factors = Float64Array.from(
    scale,
    (value, channel) => value / Math.sqrt((variance[channel] ?? 0) + epsilon),
  );
  const offsets = Float64Array.from(
    bias,
    (value, channel) => value - (mean[channel] ?? 0) * (factors[channel] ?? 0),
  );
  return {factors, offsets};
}

/** The producer with the affine function in it, and its new weight and bias; `null` where they are not constant. */
function applyAffine(
  producer: Layer,
  normalization: Layer,
  {factors, offsets}: Affine,
  weights: ReadonlyMap<string, OnnxTensor>,
  taken: Set<string>,
): {node: OnnxNode; weights: OnnxTensor[]} | null {
  const [input = '', weightName = '', biasName = ''] = producer.node.inputs;
  const weight = weights.get(weightName);
  const values = floatsOf(weight);
  const bias = biasOf(producer, biasName, weights, factors.length);
  if (weight === undefined || values === null || bias === null) return null;
  const channelOf = channelsOf(producer, weight.dims, factors.length);
  if (channelOf === null) return null;
  const scaled = Float32Array.from(values, (value, at) => value * (factors[channelOf(at)] ?? 0));
  const shifted = Float32Array.from(
    bias,
    (value, channel) => value * (factors[channel] ?? 0) + (offsets[channel] ?? 0),
  );
  const names = ['weight', 'bias'].map(part => takeName(`${normalization.name}/${part}`, taken));
  const [newWeight = '', newBias = ''] = names;
  return {
    node: {
      ...producer.node,
      inputs: [input, newWeight, newBias],
      outputs: [normalization.node.outputs[0] ?? ''],
      // Gemm's β is in the bias already.
      attributes: producer.node.attributes.map(attribute =>
        attribute.name === 'beta' ? createAttribute('beta', {float: 1}) : attribute,
      ),
    },
    weights: [floatTensor(newWeight, weight.dims, scaled), floatTensor(newBias, [bias.length], shifted)],
  };
}

/** Which output channel the weight's element of an index belongs to. */
function channelsOf(
  {operator, node}: Layer,
  dims: readonly number[],
  count: number,
): ((at: number) => number) | null {
  if (operator === 'Gemm') {
    const isTransposed = integerOf(node, 'transB', 0) !== 0;
    const [rows = 0, columns = 0] = dims;
    if ((isTransposed ? rows : columns) !== count) return null;
    return isTransposed ? at => Math.floor(at / columns) : at => at % columns;
  }
  const kernel = countElements(dims.slice(2));
  if (operator === 'Conv') {
    const perChannel = kernel * (dims[1] ?? 0);
    return dims[0] === count ? at => Math.floor(at / perChannel) : null;
  }
  // ConvTranspose: weight [C, M / group, kernel…]; the inputs of a group make the channels of that group.
  const group = integerOf(node, 'group', 1);
  const [inputs = 0, perGroup = 0] = dims;
  if (perGroup * group !== count) return null;
  return at => {
    const ofGroup = Math.floor(Math.floor(at / (kernel * perGroup)) / (inputs / group));
    return ofGroup * perGroup + (Math.floor(at / kernel) % perGroup);
  };
}

/** The bias per channel, with Gemm's β in it; zeros where there is none, `null` where it is not one per channel. */
function biasOf(
  {operator, node}: Layer,
  name: string,
  weights: ReadonlyMap<string, OnnxTensor>,
  count: number,
): Float64Array | null {
  if (name === '') return new Float64Array(count);
  const tensor = weights.get(name);
  const values = floatsOf(tensor);
  const isVector = tensor !== undefined && tensor.dims.slice(0, -1).every(size => size === 1);
  if (values === null || !isVector || ![1, count].includes(values.length)) return null;
  const beta = operator === 'Gemm' ? (node.attributes.find(one => one.name === 'beta')?.float ?? 1) : 1;
  return Float64Array.from(
    {length: count},
    (_, channel) => (values[values.length === 1 ? 0 : channel] ?? 0) * beta,
  );
}

function floatsOf(tensor: OnnxTensor | undefined): Float32Array | null {
  if (tensor === undefined || elementTypeOfTensor(tensor) !== 'float32') return null;
  return new Float32Array(new Uint8Array(bytesOfTensor(tensor)).buffer);
}

function floatTensor(name: string, shape: readonly number[], values: Float32Array): OnnxTensor {
  return tensorFromValue(name, {elementType: 'float32', shape, bytes: new Uint8Array(values.buffer)});
}

function integerOf(node: OnnxNode, attribute: string, initial: number): number {
  return Number(node.attributes.find(({name}) => name === attribute)?.int ?? initial);
}

function takeName(base: string, taken: Set<string>): string {
  let name = base;
  for (let count = 1; taken.has(name); count += 1) name = `${base}_${count}`;
  taken.add(name);
  return name;
}
