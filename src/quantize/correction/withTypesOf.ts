import type {Graph} from '../../model/graph.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';

/**
 * The graph of a rewritten model whose tensors have the types and shapes that they have in `graph`, where they go by the
 * names that `originalName` gives.
 */
export function withTypesOf(
  graph: Graph,
  model: OnnxModel,
  originalName: (name: string) => string = name => name,
): Graph {
  const rewritten = graphFromModel(model);
  const tensors = new Map(
    [...rewritten.tensors].map(([name, tensor]) => {
      const {elementType, shape, dims} = graph.tensors.get(originalName(name)) ?? {};
      return [
        name,
        {
          ...tensor,
          ...(elementType === undefined ? {} : {elementType}),
          ...(shape === undefined ? {} : {shape}),
          ...(dims === undefined ? {} : {dims}),
        },
      ];
    }),
  );
  return {...rewritten, tensors};
}
