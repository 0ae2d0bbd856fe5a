import {freshNames, freshTensorNames} from '../../model/freshNames.ts';
import type {Graph, Layer} from '../../model/graph.ts';
import type {OnnxModel, OnnxNode} from '../../model/onnx/messages.ts';
import {pruneOpsetImports} from '../../model/pruneOpsetImports.ts';
import {renameTensors} from '../../model/renameTensors.ts';

/**
 * A part of a model in QDQ form with its inputs rounded as the whole has them, whose pairs belong to the layers that make them:
 * those are elsewhere now, and without a pair in front the first kernels would compute in float. What comes rounded stays as it is.
 */
export function roundInputsAgain(part: OnnxModel, whole: Graph): OnnxModel {
  const takeTensor = freshTensorNames(part);
  const takeNode = freshNames(part.graph.nodes.map(({name}) => name));
  const renamed = new Map<string, string>();
  const pairs: OnnxNode[] = [];
  for (const {name} of part.graph.inputs) {
    const pair = pairOf(whole, name);
    if (pair === null) continue;
    const integers = takeTensor(`${name}_quantized`);
    const rounded = takeTensor(`${name}_rounded`);
    renamed.set(name, rounded);
    pairs.push(
      again(pair.quantize.node, takeNode, name, integers),
      again(pair.dequantize.node, takeNode, integers, rounded),
    );
  }
  if (pairs.length === 0) return part;
  const operands = new Set(pairs.flatMap(({inputs}) => inputs.slice(1)));
  const known = new Set(part.graph.initializers.map(({name}) => name));
  const {graph, opsetImports} = whole.model;
  const added = graph.initializers.filter(({name}) => operands.has(name) && !known.has(name));
  const {nodes, initializers, ...rest} = renameTensors(part.graph, renamed);
  return pruneOpsetImports({
    ...part,
    opsetImports,
    graph: {...rest, nodes: [...pairs, ...nodes], initializers: [...initializers, ...added]},
  });
}

/** The QuantizeLinear and DequantizeLinear that a tensor comes out of, with operands that are weights; `null` where it does not. */
function pairOf(
  {layers, tensors}: Graph,
  name: string,
): {readonly quantize: Layer; readonly dequantize: Layer} | null {
  const makerOf = (tensor: string | undefined): Layer | undefined =>
    layers[tensors.get(tensor ?? '')?.producer ?? -1];
  const dequantize = makerOf(name);
  const quantize = makerOf(dequantize?.inputs[0]);
  if (dequantize?.operator !== 'DequantizeLinear' || quantize?.operator !== 'QuantizeLinear') return null;
  const operands = [...dequantize.inputs.slice(1), ...quantize.inputs.slice(1)];
  return operands.every(operand => tensors.get(operand)?.isWeight === true) ? {quantize, dequantize} : null;
}

function again(node: OnnxNode, takeNode: (name: string) => string, input: string, output: string): OnnxNode {
  return {...node, name: takeNode(node.name), inputs: [input, ...node.inputs.slice(1)], outputs: [output]};
}
