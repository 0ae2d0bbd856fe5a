import {freshTensorNames} from '../../model/freshNames.ts';
import {createAttribute, createNode, createUntypedValueInfo} from '../../model/onnx/createMessages.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {tensorFromValue} from '../../model/onnx/tensorData.ts';

export interface ExtremesModel {
  readonly model: OnnxModel;
  /** A vector: the smallest value, the largest and the sum of each tensor in turn. */
  readonly output: string;
}

/** Of each tensor, in `output`. */
export const REDUCTIONS = ['ReduceMin', 'ReduceMax', 'ReduceSum'] as const;

/**
 * The model with smallest value, largest value and sum of each float32 tensor in one further output: the runtime reduces a
 * tensor faster than it hands it out. Of a tensor without values these are Infinity, -Infinity and 0. NaN shows in the sum
 * only, since ONNX leaves open what is smaller or larger than NaN.
 */
export function extremesModel(model: OnnxModel, tensorNames: readonly string[]): ExtremesModel {
  const takeName = freshTensorNames(model);
  const output = takeName('extremes');
  const axis = takeName('extremes/axis');
  const keepdims = createAttribute('keepdims', {int: 0n});
  const nodes = tensorNames.flatMap(name =>
    REDUCTIONS.map(operator => {
      const scalar = takeName(`${name}/${operator}`);
      const value = takeName(`${scalar}/value`);
      return {
        value,
        nodes: [
          createNode(operator, [name], [scalar], {attributes: [keepdims]}),
          createNode('Unsqueeze', [scalar, axis], [value]),
        ],
      };
    }),
  );
  const concat = createNode(
    'Concat',
    nodes.map(({value}) => value),
    [output],
    {attributes: [createAttribute('axis', {int: 0n})]},
  );
  const firstAxis = {elementType: 'int64', shape: [1], bytes: new Uint8Array(8)} as const;
  const {graph} = model;
  return {
    output,
    model: {
      ...model,
      graph: {
        ...graph,
        nodes: [...graph.nodes, ...nodes.flatMap(one => one.nodes), concat],
        initializers: [...graph.initializers, tensorFromValue(axis, firstAxis)],
        outputs: [...graph.outputs, createUntypedValueInfo(output)],
      },
    },
  };
}
