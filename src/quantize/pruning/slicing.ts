import type {OnnxNode} from '../../model/onnx/messages.ts';
import {axisFromEnd} from './couplingContext.ts';
import type {ConstantValues} from './constantValues.ts';

export interface AxisSlice {
  /** The first index, and one past the last in the direction of the step. */
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/**
 * What Slice takes of each axis, clamped to its size as the operator does. `null` when that is computed. Starts and ends
 * are inputs since version 10.
 */
export function slicing(
  node: OnnxNode,
  shape: readonly number[],
  constants: ConstantValues,
): readonly AxisSlice[] | null {
  const [, startsName = '', endsName = '', axesName = '', stepsName = ''] = node.inputs;
  const starts = constants.integers(startsName);
  const ends = constants.integers(endsName);
  const axes = axesName === '' ? starts?.map((_, axis) => axis) : constants.integers(axesName);
  const steps = stepsName === '' ? starts?.map(() => 1) : constants.integers(stepsName);
  if (!starts || !ends || !axes || !steps) return null;
  const result: AxisSlice[] = shape.map(size => ({start: 0, end: size, step: 1}));
  axes.forEach((each, at) => {
    const axis = axisFromEnd(each, shape.length);
    const size = shape[axis] ?? 0;
    const step = steps[at] ?? 1;
    const clamp = (value: number, low: number, high: number): number =>
      Math.min(Math.max(axisFromEnd(value, size), low), high);
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    result[axis] = {
      start: clamp(starts[at] ?? 0, Math.max(low, 0), high),
      end: clamp(ends[at] ?? size, low, high),
      step,
    };
  });
  return result;
}
