import {freshTensorNames} from './freshNames.ts';
import {createNode} from './onnx/createMessages.ts';
import type {OnnxModel, OnnxNode} from './onnx/messages.ts';

/**
 * Sum of two or more tensors as Add, from left to right as it adds them: Add has integer kernels, and is what runtimes fuse.
 * The same model when there is none.
 */
export function replaceSums(model: OnnxModel): OnnxModel {
  const isSum = ({operator, domain, inputs}: OnnxNode): boolean =>
    operator === 'Sum' && (domain === '' || domain === 'ai.onnx') && inputs.length > 1;
  if (!model.graph.nodes.some(isSum)) return model;
  const takeName = freshTensorNames(model);
  const nodes = model.graph.nodes.flatMap(node => (isSum(node) ? addsOf(node, takeName) : [node]));
  return {...model, graph: {...model.graph, nodes}};
}

function addsOf(node: OnnxNode, takeName: (wanted: string) => string): OnnxNode[] {
  const [first = '', ...others] = node.inputs;
  let sum = first;
  return others.map((other, at): OnnxNode => {
    const isLast = at === others.length - 1;
    const output = isLast ? (node.outputs[0] ?? '') : takeName(`${node.name}/sum`);
    const inputs = [sum, other];
    sum = output;
    if (isLast) return {...node, operator: 'Add', inputs, outputs: [output]};
    return createNode('Add', inputs, [output], {name: `${node.name}/Add_${at}`});
  });
}
