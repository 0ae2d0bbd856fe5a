import {createAttribute, createNode} from '../onnx/createMessages.ts';
import {unchanged, type Conversion} from './conversion.ts';
import {attributeOf, baseNameOf, withAttribute} from './nodeParts.ts';

/**
 * Softmax, LogSoftmax and Hardmax worked on all axes from `axis` (default 1) on, taken as one; from version 13 they work on
 * `axis` alone (default the last). Where only one of those axes is longer than 1, it is named; else the tensor is
 * flattened before and reshaped back behind.
 * @see https://github.com/onnx/onnx/blob/main/docs/Changelog.md#Softmax-13
 */
export const coerceSoftmaxAxes: Conversion = (node, scope) => {
  const [input = '', ...rest] = node.inputs;
  const [output = ''] = node.outputs;
  const axis = Number(attributeOf(node, 'axis')?.int ?? 1n);
  const shape = scope.shapeOf(input);
  if (axis === -1) return unchanged(node);
  const single = shape === undefined ? null : onlyLongAxis(shape, axis);
  if (single !== null) {
    return {
      node: withAttribute(node, 'axis', {int: BigInt(single)}),
      what: `it works on axis ${single} alone`,
    };
  }
  const base = baseNameOf(node);
  const sizes = scope.freshName(`${base}/shape`);
  const flat = scope.freshName(`${base}/flat`);
  const result = scope.freshName(`${base}/result`);
  return {
    before: [
      createNode('Shape', [input], [sizes], {name: `${base}/Shape`}),
      createNode('Flatten', [input], [flat], {
        name: `${base}/Flatten`,
        attributes: [createAttribute('axis', {int: BigInt(axis)})],
      }),
    ],
    node: withAttribute({...node, inputs: [flat, ...rest], outputs: [result]}, 'axis', {int: -1n}),
    after: [createNode('Reshape', [result, sizes], [output], {name: `${base}/Reshape`})],
    what: `axes from ${axis} on are flattened into one and back`,
  };
};

/** Of the axes from `axis` on, the only one longer than 1 (the last one if none is); `null` when there are more. */
function onlyLongAxis(shape: readonly number[], axis: number): number | null {
  const first = axis < 0 ? axis + shape.length : axis;
  const long = shape.flatMap((size, index) => (index >= first && size !== 1 ? [index] : []));
  if (long.length > 1 || first >= shape.length) return null;
  return long[0] ?? shape.length - 1;
}
