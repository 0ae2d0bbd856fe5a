import {freshTensorNames} from '../../model/freshNames.ts';
import {createAttribute, createNode, createUntypedValueInfo} from '../../model/onnx/createMessages.ts';
import type {OnnxModel, OnnxTensor} from '../../model/onnx/messages.ts';
import {tensorFromValue} from '../../model/onnx/tensorData.ts';
import {standardOpset} from '../../model/opset/raiseOpset.ts';

export interface ExtremesModel {
  readonly model: OnnxModel;
  /** A vector: the smallest value, the largest and the sum of each tensor in turn. */
  readonly output: string;
}

/** Of each tensor, in `output`. */
export const REDUCTIONS = ['ReduceMin', 'ReduceMax', 'ReduceSum'] as const;

/** From this opset on the axes of all reductions are an input; before it those of ReduceSum only. */
const AXES_AS_INPUT = 18;

/**
 * The model with smallest value, largest value and sum of each float32 tensor in one further output: the runtime reduces a
 * tensor faster than it hands it out. Of a tensor without values these are Infinity, -Infinity and 0. NaN shows in the sum
 * only, since ONNX leaves open what is smaller or larger than NaN.
 */
export function extremesModel(model: OnnxModel, tensorNames: readonly string[]): ExtremesModel {
  const takeName = freshTensorNames(model);
  const output = takeName('extremes');
  // One row, so that each reduction makes a vector, which Concat wants: not a scalar, which another node must unfold.
  const rowShape = int64s(takeName('extremes/shape'), [1, -1]);
  const lastAxis = int64s(takeName('extremes/axis'), [1]);
  const axes = createAttribute('axes', {ints: [1n]});
  const keepdims = createAttribute('keepdims', {int: 0n});
  const opset = standardOpset(model) ?? AXES_AS_INPUT;

  const reduced = tensorNames.map(name => {
    const row = takeName(`${name}/row`);
    const results = REDUCTIONS.map(operator => ({operator, result: takeName(`${name}/${operator}`)}));
    return {
      results: results.map(({result}) => result),
      nodes: [
        createNode('Reshape', [name, rowShape.name], [row]),
        ...results.map(({operator, result}) =>
          operator === 'ReduceSum' || opset >= AXES_AS_INPUT
            ? createNode(operator, [row, lastAxis.name], [result], {attributes: [keepdims]})
            : createNode(operator, [row], [result], {attributes: [axes, keepdims]}),
        ),
      ],
    };
  });
  const concat = createNode(
    'Concat',
    reduced.flatMap(({results}) => results),
    [output],
    {attributes: [createAttribute('axis', {int: 0n})]},
  );
  const {graph} = model;
  return {
    output,
    model: {
      ...model,
      graph: {
        ...graph,
        nodes: [...graph.nodes, ...reduced.flatMap(({nodes}) => nodes), concat],
        initializers: [...graph.initializers, rowShape, lastAxis],
        outputs: [...graph.outputs, createUntypedValueInfo(output)],
      },
    },
  };
}

function int64s(name: string, values: readonly number[]): OnnxTensor {
  const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return tensorFromValue(name, {elementType: 'int64', shape: [values.length], bytes});
}
