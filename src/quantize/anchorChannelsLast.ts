import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import {freshNames, freshTensorNames} from '../model/freshNames.ts';
import type {Graph} from '../model/graph.ts';
import {createAttribute, createNode} from '../model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../model/onnx/messages.ts';
import {tensorFromValue} from '../model/onnx/tensorData.ts';
import type {TypedValues} from './initializerPool.ts';
import {integerArray} from './qdqWriter.ts';

/**
 * The model with an integer convolution that changes nothing (depthwise, 1×1, weight 1, the same scale before and behind)
 * where a skip connection begins with what a float layer made. ONNX Runtime computes integer convolutions channels-last
 * and moves what joins them there too, but only where all that is joined comes from convolutions: a skip that begins
 * channels-first stays so through all blocks, with two Transposes for each (54 in resnet56, 5 % of its time; ONNX Runtime
 * 1.30 on an EPYC, 2026-11).
 * @param model in QDQ form, made of `graph`
 * @param floatLayers names of the layers that compute in float
 */
export function anchorChannelsLast(
  model: OnnxModel,
  graph: Graph,
  {weights}: QuantizationScheme,
  floatLayers: ReadonlySet<string>,
): OnnxModel {
  const {nodes} = model.graph;
  const makers = new Map(nodes.flatMap(node => node.outputs.map(name => [name, node])));
  const isDequantized = (name: string): boolean => makers.get(name)?.operator === 'DequantizeLinear';
  const takeTensor = freshTensorNames(model);
  const takeNode = freshNames(nodes.map(({name}) => name));
  const initializers: OnnxTensor[] = [];
  const anchored = nodes.flatMap(node => {
    const channels = node.operator === 'DequantizeLinear' ? channelsOfFloatResult(node) : null;
    return channels !== null && startsSkip(node) ? anchor(node, channels) : [node];
  });
  if (initializers.length === 0) return model;
  const all = [...model.graph.initializers, ...initializers];
  return {...model, graph: {...model.graph, nodes: anchored, initializers: all}};

  /** Of four-dimensional results; `null` of all others. */
  function channelsOfFloatResult({inputs: [integers = '']}: OnnxNode): number | null {
    const quantizer = makers.get(integers);
    const made = quantizer?.operator === 'QuantizeLinear' ? quantizer.inputs[0] : undefined;
    const tensor = graph.tensors.get(made ?? '');
    const layer = graph.layers[tensor?.producer ?? -1];
    if (layer === undefined || !floatLayers.has(layer.name) || tensor?.shape?.length !== 4) return null;
    return tensor.shape[1] ?? null;
  }

  function startsSkip({outputs: [output = '']}: OnnxNode): boolean {
    const readers = nodes.filter(({inputs}) => inputs.includes(output));
    const isConvolved = readers.some(
      ({operator, inputs}) => operator === 'Conv' && inputs[0] === output && isDequantized(inputs[1] ?? ''),
    );
    const isJoined = readers.some(
      ({operator, inputs}) => operator !== 'Conv' && inputs.length > 1 && inputs.every(isDequantized),
    );
    return isConvolved && isJoined;
  }

  function anchor(dequantizer: OnnxNode, channels: number): OnnxNode[] {
    const [, ...operands] = dequantizer.inputs;
    const [output = ''] = dequantizer.outputs;
    const [rounded, integers, kept, weight] = ['rounded', 'anchored', 'anchor_quantized', 'anchor'].map(
      part => takeTensor(`${output}_${part}`),
    ) as [string, string, string, string];
    const ones = integerArray(weights.elementType, new Array<number>(channels).fill(1));
    const scale = addConstant(`${output}_anchor_scale`, 'float32', [], Float32Array.of(1));
    const zeroPoint = addConstant(
      `${output}_anchor_zero_point`,
      weights.elementType,
      [],
      integerArray(weights.elementType, [0]),
    );
    const kernel = addConstant(`${output}_anchor_weight`, weights.elementType, [channels, 1, 1, 1], ones);
    const attributes = [
      createAttribute('group', {int: BigInt(channels)}),
      createAttribute('kernel_shape', {ints: [1n, 1n]}),
    ];
    const named = (part: string): string => takeNode(`${output}_${part}`);
    return [
      {...dequantizer, outputs: [rounded]},
      createNode('DequantizeLinear', [kernel, scale, zeroPoint], [weight], {name: named('anchor_weight')}),
      createNode('Conv', [rounded, weight], [integers], {name: named('anchor'), attributes}),
      createNode('QuantizeLinear', [integers, ...operands], [kept], {name: named('anchor_QuantizeLinear')}),
      createNode('DequantizeLinear', [kept, ...operands], [output], {
        name: named('anchor_DequantizeLinear'),
      }),
    ];
  }

  function addConstant(
    wanted: string,
    elementType: 'float32' | 'int8' | 'uint8',
    shape: readonly number[],
    values: TypedValues,
  ): string {
    const name = takeTensor(wanted);
    initializers.push(tensorFromValue(name, {elementType, shape, bytes: new Uint8Array(values.buffer)}));
    return name;
  }
}
