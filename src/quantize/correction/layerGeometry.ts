import type {Graph, Layer} from '../../model/graph.ts';
import type {WeightedLayer} from '../quantizationPlan.ts';
import {floatAttribute, integerAttribute, integersAttribute, textAttribute} from '../nodeAttributes.ts';

/**
 * A weighted layer seen as matrix products: for each of `groups` the outputs are weight rows times input rows, one pair
 * per output position (place in the picture, or row of the matrix).
 */
export interface LayerGeometry {
  readonly groups: number;
  readonly inputsPerGroup: number;
  readonly outputsPerGroup: number;
  /** Of one sample. */
  positionCount(outputShape: readonly number[]): number;
  /** Input rows of one group at these positions, one after the other. */
  gatherInputs(
    group: number,
    input: SampleTensor,
    outputShape: readonly number[],
    positions: Positions,
  ): Float32Array;
  /** All outputs of one group at these positions. */
  gatherOutputs(group: number, output: SampleTensor, positions: Positions): Float32Array;
  /** The weight tensor as outputs × inputs, all groups after each other; and back. */
  rowsFromWeights<T extends Float32Array | Int8Array>(weights: T): T;
  weightsFromRows<T extends Float32Array | Int8Array>(rows: T): T;
}

export interface SampleTensor {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

export type Positions = Int32Array;

/** `null` for layers that are no such product: transposed convolutions, a weight on the left, scaled or batched ones. */
export function layerGeometry(graph: Graph, weighted: WeightedLayer): LayerGeometry | null {
  const layer = graph.layers.find(({name}) => name === weighted.layer);
  const dims = graph.tensors.get(weighted.weight)?.shape;
  if (layer === undefined || dims === undefined || layer.domain !== '') return null;
  switch (layer.operator) {
    case 'Conv':
      return convolutionGeometry(layer, dims);
    case 'Gemm':
      return gemmGeometry(layer, dims);
    case 'MatMul': {
      const [inputs, outputs] = dims;
      if (dims.length !== 2 || inputs === undefined || outputs === undefined) return null;
      return layer.node.inputs[1] === weighted.weight ? productGeometry(inputs, outputs, true) : null;
    }
    default:
      return null;
  }
}

function gemmGeometry(layer: Layer, dims: readonly number[]): LayerGeometry | null {
  const isPlain =
    integerAttribute(layer.node, 'transA', 0) === 0 &&
    floatAttribute(layer.node, 'alpha', 1) === 1 &&
    floatAttribute(layer.node, 'beta', 1) === 1;
  const [first, second] = dims;
  if (!isPlain || first === undefined || second === undefined) return null;
  return integerAttribute(layer.node, 'transB', 0) === 0
    ? productGeometry(first, second, true)
    : productGeometry(second, first, false);
}

/** Rows of the last dimension; the weight is inputs × outputs when `isInputsFirst`. */
function productGeometry(inputs: number, outputs: number, isInputsFirst: boolean): LayerGeometry {
  const turn = <T extends Float32Array | Int8Array>(values: T, rows: number, columns: number): T => {
    if (!isInputsFirst) return values;
    const turned = values.slice() as T;
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1)
        turned[column * rows + row] = values[row * columns + column] as number;
    }
    return turned;
  };
  const rowsAt = (tensor: Float32Array, width: number, positions: Positions): Float32Array => {
    const rows = new Float32Array(positions.length * width);
    positions.forEach((position, at) => {
      rows.set(tensor.subarray(position * width, (position + 1) * width), at * width);
    });
    return rows;
  };
  return {
    groups: 1,
    inputsPerGroup: inputs,
    outputsPerGroup: outputs,
    positionCount: shape => product(shape) / outputs,
    gatherInputs: (_group, input, _shape, positions) => rowsAt(input.values, inputs, positions),
    gatherOutputs: (_group, output, positions) => rowsAt(output.values, outputs, positions),
    rowsFromWeights: weights => turn(weights, inputs, outputs),
    weightsFromRows: rows => turn(rows, outputs, inputs),
  };
}

/** Weight [outputs, inputs / groups, kernel…] is outputs × (inputs / groups · kernel) as it lies. */
function convolutionGeometry(layer: Layer, dims: readonly number[]): LayerGeometry | null {
  const [outputs, channels, ...kernel] = dims;
  if (outputs === undefined || channels === undefined) return null;
  const groups = integerAttribute(layer.node, 'group', 1);
  const ones = kernel.map(() => 1);
  const strides = integersAttribute(layer.node, 'strides') ?? ones;
  const dilations = integersAttribute(layer.node, 'dilations') ?? ones;
  const taps = kernelTaps(kernel);
  const inputsPerGroup = channels * taps.length;
  const outputsPerGroup = outputs / groups;

  return {
    groups,
    inputsPerGroup,
    outputsPerGroup,
    positionCount: shape => product(shape) / outputs,
    gatherInputs(group, {values, shape}, outputShape, positions) {
      const size = shape.slice(2);
      const pads = padsBefore(layer, {size, outputSize: outputShape.slice(2), kernel, strides, dilations});
      const plane = product(size);
      const rows = new Float32Array(positions.length * inputsPerGroup);
      positions.forEach((position, at) => {
        const place = placeOf(position, outputShape.slice(2));
        const channelFrom = (place.batch * (shape[1] ?? 0) + group * channels) * plane;
        taps.forEach((tap, tapAt) => {
          const offset = offsetOf(tap, place.coordinates, {size, pads, strides, dilations});
          // Outside the picture: zero padding, which the rows hold already.
          if (offset === null) return;
          for (let channel = 0; channel < channels; channel += 1)
            rows[at * inputsPerGroup + channel * taps.length + tapAt] = values[
              channelFrom + channel * plane + offset
            ] as number;
        });
      });
      return rows;
    },
    gatherOutputs(group, {values, shape}, positions) {
      const plane = product(shape.slice(2));
      const rows = new Float32Array(positions.length * outputsPerGroup);
      positions.forEach((position, at) => {
        const from = (Math.floor(position / plane) * outputs + group * outputsPerGroup) * plane;
        for (let output = 0; output < outputsPerGroup; output += 1)
          rows[at * outputsPerGroup + output] = values[from + output * plane + (position % plane)] as number;
      });
      return rows;
    },
    rowsFromWeights: weights => weights,
    weightsFromRows: rows => rows,
  };
}

function kernelTaps(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<number[][]>(
    (taps, size) => taps.flatMap(tap => Array.from({length: size}, (_, at) => [...tap, at])),
    [[]],
  );
}

function placeOf(position: number, size: readonly number[]): {batch: number; coordinates: number[]} {
  const coordinates = size.map(() => 0);
  let rest = position;
  for (let axis = size.length - 1; axis >= 0; axis -= 1) {
    const length = size[axis] ?? 1;
    coordinates[axis] = rest % length;
    rest = Math.floor(rest / length);
  }
  return {batch: rest, coordinates};
}

function offsetOf(
  tap: readonly number[],
  coordinates: readonly number[],
  window: Record<'size' | 'pads' | 'strides' | 'dilations', readonly number[]>,
): number | null {
  let offset = 0;
  for (let axis = 0; axis < tap.length; axis += 1) {
    const at =
      (coordinates[axis] ?? 0) * (window.strides[axis] ?? 1) +
      (tap[axis] ?? 0) * (window.dilations[axis] ?? 1) -
      (window.pads[axis] ?? 0);
    const size = window.size[axis] ?? 0;
    if (at < 0 || at >= size) return null;
    offset = offset * size + at;
  }
  return offset;
}

/** @see https://onnx.ai/onnx/operators/onnx__Conv.html, auto_pad */
function padsBefore(
  layer: Layer,
  window: Record<'size' | 'outputSize' | 'kernel' | 'strides' | 'dilations', readonly number[]>,
): readonly number[] {
  const automatic = textAttribute(layer.node, 'auto_pad');
  if (automatic !== 'SAME_UPPER' && automatic !== 'SAME_LOWER') {
    const pads = automatic === 'VALID' ? undefined : integersAttribute(layer.node, 'pads');
    return pads?.slice(0, window.size.length) ?? window.size.map(() => 0);
  }
  return window.size.map((size, axis) => {
    const reach = ((window.kernel[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1) + 1;
    const last = ((window.outputSize[axis] ?? 1) - 1) * (window.strides[axis] ?? 1);
    const total = Math.max(0, last + reach - size);
    return automatic === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
  });
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}
