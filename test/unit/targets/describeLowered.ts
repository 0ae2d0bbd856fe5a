import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../../../src/model/onnx/messages.ts';
import {elementTypeOfTensor} from '../../../src/model/onnx/tensorData.ts';

/** One line per node that the float model does not have: its operator, what it reads and the numbers it is told. */
export function describeLowered(model: OnnxModel, original: OnnxModel): string {
  const before = new Set(linesOf(original));
  return linesOf(model)
    .filter(line => !before.has(line))
    .join('');
}

function linesOf(model: OnnxModel): string[] {
  const constants = new Map(model.graph.initializers.map(tensor => [tensor.name, tensor]));
  const producers = new Map(
    graphFromModel(model).layers.flatMap(({node}) =>
      node.outputs.map(name => [name, node.operator] as const),
    ),
  );
  return model.graph.nodes.map(node => {
    const domain = node.domain === '' ? '' : `${node.domain}.`;
    const reads = node.inputs.map(name => describeInput(name, constants, producers));
    return `${node.outputs[0] ?? ''}: ${domain}${node.operator}(${reads.join(', ')})${told(node)}\n`;
  });
}

function describeInput(
  name: string,
  constants: ReadonlyMap<string, OnnxTensor>,
  producers: ReadonlyMap<string, string>,
): string {
  if (name === '') return '-';
  const constant = constants.get(name);
  if (constant !== undefined) return `${elementTypeOfTensor(constant)}[${constant.dims.join(', ')}]`;
  return producers.get(name) ?? 'input';
}

function told({attributes}: OnnxNode): string {
  const numbers = attributes.flatMap(({name, int}) => (int === undefined ? [] : [`${name} ${int}`])).sort();
  return numbers.length === 0 ? '' : ` ${numbers.join(', ')}`;
}
