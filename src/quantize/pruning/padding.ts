import type {OnnxNode} from '../../model/onnx/messages.ts';
import {axisFromEnd} from './couplingContext.ts';
import type {ConstantValues} from './constantValues.ts';

/** How far Pad widens each axis; negative numbers crop. `null` when that is computed. Pads are inputs since version 11. */
export function padding(
  node: OnnxNode,
  rank: number,
  constants: ConstantValues,
): readonly {readonly before: number; readonly after: number}[] | null {
  const [, padsName = '', , axesName = ''] = node.inputs;
  const pads = constants.integers(padsName);
  const axes = axesName === '' ? Array.from({length: rank}, (_, axis) => axis) : constants.integers(axesName);
  if (pads === null || axes === null) return null;
  const result = Array.from({length: rank}, () => ({before: 0, after: 0}));
  axes.forEach((axis, at) => {
    result[axisFromEnd(axis, rank)] = {before: pads[at] ?? 0, after: pads[at + axes.length] ?? 0};
  });
  return result;
}
