import type {TensorSpec} from '../documents/tensor.ts';
import type {Graph} from './graph.ts';

/** What a caller gives. The shapes have been fixed before. */
export function inputSpecs(graph: Graph): TensorSpec[] {
  return graph.inputs.map(name => {
    const tensor = graph.tensors.get(name);
    if (tensor?.elementType === undefined || tensor.shape === undefined) {
      throw new Error(`input ${name} has no fixed type and shape after fixInputShapes`);
    }
    return {name, elementType: tensor.elementType, shape: tensor.shape};
  });
}
