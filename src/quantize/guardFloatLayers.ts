import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import {freshNames, freshTensorNames} from '../model/freshNames.ts';
import {createAttribute, createNode} from '../model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode} from '../model/onnx/messages.ts';

/** Operators whose float weights the runtime gives integers to, one scale for all. */
const WEIGHTS_QUANTIZED = new Set(['Conv', 'ConvTranspose', 'Gemm']);
/** What the runtime looks through on its way from a layer to the QuantizeLinear behind it. */
const LOOKED_THROUGH = new Set(['Relu', 'Clip']);
/** Rules of operators that cost accuracy on integers. */
const COMPUTING_RULES = new Set(['own-scales', 'own-output', 'fixed-output']);

/**
 * The model with those of its float layers that ONNX Runtime would turn into integer ones guarded against it. It takes any
 * Conv, ConvTranspose or Gemm between a DequantizeLinear and a QuantizeLinear, gives its float weights one int8 scale for
 * all, and fuses; and it fuses whatever else it has an integer kernel for. A LeakyRelu of slope 1, which changes nothing,
 * keeps the QuantizeLinear out of its sight; behind a Conv or Gemm it becomes part of the float kernel.
 * @param model in QDQ form
 * @param layers names of nodes that are to compute in float
 * @see onnxruntime 1.30, core/optimizer/qdq_transformer/weight_bias_quantization.cc
 */
export function guardFloatLayers(
  model: OnnxModel,
  {operators}: QuantizationScheme,
  layers: ReadonlySet<string>,
): OnnxModel {
  const {graph} = model;
  const readers = new Map<string, OnnxNode[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      const list = readers.get(input);
      if (list === undefined) readers.set(input, [node]);
      else list.push(node);
    }
  }
  const dequantized = new Set(
    graph.nodes.flatMap(({operator, outputs}) => (operator === 'DequantizeLinear' ? outputs : [])),
  );
  const outputs = new Set(graph.outputs.map(({name}) => name));
  const takeTensor = freshTensorNames(model);
  const takeNode = freshNames(graph.nodes.map(({name}) => name));
  const nodes = graph.nodes.flatMap(node => {
    const [output = ''] = node.outputs;
    const isTaken =
      layers.has(node.name) && node.outputs.length === 1 && hasKernel(node) && leadsToRounding(output);
    if (!isTaken) return [node];
    const unguarded = takeTensor(`${output}_unguarded`);
    const slope = createAttribute('alpha', {float: 1});
    const parts = {name: takeNode(`${node.name}_guard`), attributes: [slope]};
    return [{...node, outputs: [unguarded]}, createNode('LeakyRelu', [unguarded], [output], parts)];
  });
  return nodes.length === graph.nodes.length ? model : {...model, graph: {...graph, nodes}};

  function hasKernel({operator, inputs}: OnnxNode): boolean {
    if (WEIGHTS_QUANTIZED.has(operator)) return dequantized.has(inputs[0] ?? '');
    const {kind = ''} = operators[operator] ?? {};
    return COMPUTING_RULES.has(kind) && inputs.every(name => name === '' || dequantized.has(name));
  }

  function leadsToRounding(tensor: string): boolean {
    const [reader, ...others] = readers.get(tensor) ?? [];
    if (reader === undefined || others.length > 0 || outputs.has(tensor)) return false;
    if (reader.operator === 'QuantizeLinear') return true;
    return LOOKED_THROUGH.has(reader.operator) && leadsToRounding(reader.outputs[0] ?? '');
  }
}
