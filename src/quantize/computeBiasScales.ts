import {dropUnused} from '../model/dropUnused.ts';
import {freshTensorNames} from '../model/freshNames.ts';
import {createNode} from '../model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode} from '../model/onnx/messages.ts';
import {elementTypeOfTensor} from '../model/onnx/tensorData.ts';
import {floatsOfTensor} from './floatsOfTensor.ts';

/** Below it the node takes as much room as the scales. */
const FEWEST_SCALES = 8;

/**
 * The model with scales of int32 biases computed, input scale times weight scale, where they are stored and are just that:
 * the runtime folds the product before it fuses, and a number per channel is saved. For runtimes that do.
 */
export function computeBiasScales(model: OnnxModel): OnnxModel {
  const {graph} = model;
  const constants = new Map(graph.initializers.map(tensor => [tensor.name, tensor]));
  const makers = new Map(graph.nodes.flatMap(node => node.outputs.map(name => [name, node])));
  const takeName = freshTensorNames(model);
  const computed = new Map<OnnxNode, string>();
  const products = new Map<string, OnnxNode>();
  const dequantizerOf = (name = ''): OnnxNode | undefined => {
    const maker = makers.get(name);
    return maker?.operator === 'DequantizeLinear' ? maker : undefined;
  };
  const floatsIn = (name = ''): Float32Array | null => {
    const tensor = constants.get(name);
    return tensor === undefined || elementTypeOfTensor(tensor) !== 'float32' ? null : floatsOfTensor(tensor);
  };

  for (const {inputs} of graph.nodes) {
    const [input, weight, bias] = [inputs[0], inputs[1], inputs[2]].map(dequantizerOf);
    if (input === undefined || weight === undefined || bias === undefined || computed.has(bias)) continue;
    const integers = constants.get(bias.inputs[0] ?? '');
    if (integers === undefined || elementTypeOfTensor(integers) !== 'int32') continue;
    const [factors, stored] = [
      [input.inputs[1] ?? '', weight.inputs[1] ?? ''] as const,
      floatsIn(bias.inputs[1]),
    ];
    const [[inputScale = NaN, ...others], weightScales] = [floatsIn(factors[0]) ?? [], floatsIn(factors[1])];
    if (stored === null || weightScales === null || others.length > 0) continue;
    const isProduct =
      stored.length >= FEWEST_SCALES &&
      stored.length === weightScales.length &&
      stored.every((scale, at) => scale === Math.fround(inputScale * (weightScales[at] ?? NaN)));
    if (!isProduct) continue;
    const key = factors.join('\n');
    const product = products.get(key) ?? createNode('Mul', [...factors], [takeName(`${factors[1]}_bias`)]);
    products.set(key, product);
    computed.set(bias, product.outputs[0] ?? '');
  }

  if (computed.size === 0) return model;
  const nodes = graph.nodes.map(node => {
    const scale = computed.get(node);
    return scale === undefined
      ? node
      : {...node, inputs: node.inputs.map((name, at) => (at === 1 ? scale : name))};
  });
  return dropUnused({...model, graph: {...graph, nodes: [...products.values(), ...nodes]}});
}
