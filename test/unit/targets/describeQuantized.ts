import type {Graph, Layer} from '../../../src/model/graph.ts';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import type {OnnxModel, OnnxTensor} from '../../../src/model/onnx/messages.ts';
import {bytesOfTensor, elementTypeOfTensor} from '../../../src/model/onnx/tensorData.ts';

/**
 * One line per layer of a quantised model: which of its tensors pass integers, of which type, with which scale and zero
 * point, and where the pairs are.
 */
export function describeQuantized(model: OnnxModel): string {
  const graph = graphFromModel(model);
  const constants = new Map(model.graph.initializers.map(tensor => [tensor.name, tensor]));
  const isConversion = ({operator}: Layer): boolean => /^(Q|Deq)uantizeLinear$/.test(operator);
  return graph.layers
    .filter(layer => !isConversion(layer))
    .map(layer => {
      const reads = layer.node.inputs
        .filter(name => name !== '')
        .map(name => describeInput(graph, constants, name));
      const gives = layer.outputs.map(name => describeOutput(graph, constants, name));
      return `${layer.name}: ${layer.operator}(${reads.join(', ')}) -> ${gives.join(', ')}\n`;
    })
    .join('');
}

function describeInput(graph: Graph, constants: ReadonlyMap<string, OnnxTensor>, name: string): string {
  const dequantize = producerOf(graph, name);
  if (dequantize?.operator !== 'DequantizeLinear') {
    const constant = constants.get(name);
    return constant === undefined ? 'float32' : `constant ${elementTypeOfTensor(constant)}`;
  }
  const [integers = ''] = dequantize.inputs;
  const parameters = describeParameters(constants, dequantize);
  if (constants.has(integers)) return `constant ${parameters}`;
  const quantize = producerOf(graph, integers);
  const isPairOnConstant = constants.has(quantize?.inputs[0] ?? '');
  return isPairOnConstant ? `constant float32 with a pair of ${parameters}` : parameters;
}

function describeOutput(graph: Graph, constants: ReadonlyMap<string, OnnxTensor>, name: string): string {
  const readers = (graph.tensors.get(name)?.consumers ?? []).map(index => graph.layers[index]);
  const quantize = readers.filter(layer => layer?.operator === 'QuantizeLinear');
  const kinds = quantize.flatMap(layer =>
    layer === undefined ? [] : [describeParameters(constants, layer)],
  );
  if (kinds.length < readers.length || readers.length === 0) kinds.unshift('float32');
  return [...new Set(kinds)].join(' and ');
}

function producerOf(graph: Graph, name: string): Layer | undefined {
  return graph.layers[graph.tensors.get(name)?.producer ?? -1];
}

function describeParameters(constants: ReadonlyMap<string, OnnxTensor>, {node}: Layer): string {
  const [integers = '', scaleName = '', zeroName = ''] = node.inputs;
  const scale = constants.get(scaleName);
  // Without a zero point, which biases have none of, it is 0 in the type of the integers.
  const zero = constants.get(zeroName);
  const typed = zero ?? constants.get(integers);
  if (scale === undefined || typed === undefined) return 'unknown';
  const type = elementTypeOfTensor(typed);
  const scales = new Float32Array(new Uint8Array(bytesOfTensor(scale)).buffer);
  const axis = node.attributes.find(({name}) => name === 'axis')?.int;
  const zeros = zero === undefined ? [0] : [...new Set(zeroPoints(type, bytesOfTensor(zero)))];
  const shape = scale.dims.length === 0 ? '' : ` × ${scales.length} on axis ${axis ?? 1n}`;
  return `${type}${shape} scale ${(scales[0] ?? 0).toPrecision(3)} zero ${zeros.join('|')}`;
}

function zeroPoints(type: string, bytes: Uint8Array): number[] {
  const {buffer} = new Uint8Array(bytes);
  if (type === 'int8') return [...new Int8Array(buffer)];
  if (type === 'uint16') return [...new Uint16Array(buffer)];
  if (type === 'int32') return [...new Int32Array(buffer)];
  return [...new Uint8Array(buffer)];
}
