import {createNode} from '../../../src/model/onnx/createMessages.ts';
import {tensorFromValue} from '../../../src/model/onnx/tensorData.ts';
import {floatWeight, integerWeight} from './handMadeModels.ts';
import {floatsIn, integersIn, numbers, oneNode, type OpsetCase} from './opsetCaseParts.ts';

export const x = (...shape: number[]) => ({x: numbers(shape)});
const specials = {x: floatsIn([6], [-Infinity, -3e38, -0.5, 0, 2, Infinity])};
export const scales = (...values: number[]) => floatWeight('scales', [values.length], values);
const empty = (name: string) => floatWeight(name, [0], []);

const boxes = {
  x: numbers([1, 2, 8, 8]),
  regions: floatsIn([2, 4], [0.7, 0.2, 6.1, 5.4, 1, 1, 7, 7.5]),
  batch: integersIn([2], [0, 0]),
};
export const normal = ['scale', 'bias', 'mean', 'variance'].map((name, at) =>
  floatWeight(name, [3], [0.5 + at, 1.25, 2 + at]),
);
export const normalInputs = ['x', 'scale', 'bias', 'mean', 'variance'];
const recurrent = {
  x: numbers([3, 1, 2]),
  w: numbers([1, 8, 2], 'float32', 2),
  r: numbers([1, 8, 2], 'float32', 3),
};

const CASES: Readonly<Record<string, OpsetCase>> = {
  'Squeeze with axes': {opset: 7, nodes: [oneNode('Squeeze', {axes: [0n, 2n]})], feeds: x(1, 3, 1, 2)},
  'Squeeze with a negative axis': {opset: 11, nodes: [oneNode('Squeeze', {axes: [-2n]})], feeds: x(3, 1, 2)},
  'Squeeze of all axes of one': {opset: 7, nodes: [oneNode('Squeeze')], feeds: x(1, 3, 1)},
  Unsqueeze: {opset: 7, nodes: [oneNode('Unsqueeze', {axes: [0n, 3n]})], feeds: x(3, 2)},
  'ReduceSum over axes': {
    opset: 7,
    nodes: [oneNode('ReduceSum', {axes: [1n], keepdims: 0n})],
    feeds: x(2, 3, 4),
  },
  'ReduceSum over all': {opset: 11, nodes: [oneNode('ReduceSum')], feeds: x(2, 3)},
  'Split into given parts': {
    opset: 7,
    nodes: [oneNode('Split', {axis: 1n, split: [1n, 4n]}, ['x'], ['y', 'z'])],
    outputs: ['y', 'z'],
    feeds: x(2, 5),
  },
  'Split into equal parts': {
    opset: 11,
    nodes: [oneNode('Split', {axis: -1n}, ['x'], ['y', 'z', 'u'])],
    outputs: ['y', 'z', 'u'],
    feeds: x(2, 6),
  },
  'Softmax over several axes': {opset: 7, nodes: [oneNode('Softmax')], feeds: x(2, 3, 4)},
  'Softmax over all axes': {opset: 7, nodes: [oneNode('Softmax', {axis: 0n})], feeds: x(2, 3, 4)},
  'Softmax over one long axis': {opset: 7, nodes: [oneNode('Softmax')], feeds: x(2, 5, 1, 1)},
  'Softmax over a long axis behind short ones': {opset: 7, nodes: [oneNode('Softmax')], feeds: x(2, 1, 5, 1)},
  'Softmax over axes of one only': {opset: 7, nodes: [oneNode('Softmax')], feeds: x(4, 1, 1)},
  'Softmax of a matrix': {opset: 7, nodes: [oneNode('Softmax')], feeds: x(3, 7)},
  'Softmax of unknown sizes': {
    opset: 8,
    nodes: [oneNode('Softmax')],
    feeds: x(2, 3, 4),
    dims: {x: ['a', 'b', 'c']},
  },
  'Softmax with a negative axis': {opset: 11, nodes: [oneNode('Softmax', {axis: -2n})], feeds: x(2, 3, 4)},
  'LogSoftmax over several axes': {opset: 9, nodes: [oneNode('LogSoftmax')], feeds: x(2, 3, 4)},
  'LogSoftmax over the last axis': {opset: 11, nodes: [oneNode('LogSoftmax', {axis: -1n})], feeds: x(2, 9)},
  'Hardmax over several axes': {opset: 7, nodes: [oneNode('Hardmax', {axis: 1n})], feeds: x(3, 5, 5)},
  'Clip with both bounds': {opset: 7, nodes: [oneNode('Clip', {min: -1.5, max: 0.7})], feeds: specials},
  'Clip with one bound': {opset: 7, nodes: [oneNode('Clip', {max: 0.7})], feeds: specials},
  'Clip without bounds': {opset: 10, nodes: [oneNode('Clip')], feeds: specials},
  'Clip of what an untyped layer made': {
    opset: 9,
    nodes: [createNode('Exp', ['x'], ['e'], {name: 'exp'}), oneNode('Clip', {min: 0.5, max: 2}, ['e'])],
    feeds: x(2, 3),
  },
  'Pad with a value': {
    opset: 7,
    nodes: [oneNode('Pad', {pads: [0n, 1n, 2n, 0n], value: -1.5})],
    feeds: x(2, 3),
  },
  'Pad that cuts off': {opset: 10, nodes: [oneNode('Pad', {pads: [0n, -1n, 1n, 0n]})], feeds: x(2, 3)},
  'Pad by reflection': {
    opset: 7,
    nodes: [oneNode('Pad', {mode: 'reflect', pads: [0n, 2n, 0n, 1n], value: 3})],
    feeds: x(2, 4),
  },
  'Pad by edges': {
    opset: 10,
    nodes: [oneNode('Pad', {mode: 'edge', pads: [1n, 0n, 1n, 2n]})],
    feeds: x(2, 4),
  },
  'Pad of doubles': {
    opset: 7,
    nodes: [oneNode('Pad', {pads: [1n, 1n], value: 0.1})],
    feeds: {x: numbers([4], 'float64')},
  },
  'Slice of named axes': {
    opset: 7,
    nodes: [oneNode('Slice', {starts: [1n, -3n], ends: [9n, -1n], axes: [0n, 2n]})],
    feeds: x(3, 2, 5),
  },
  'Slice of the first axes': {
    opset: 9,
    nodes: [oneNode('Slice', {starts: [1n], ends: [2n]})],
    feeds: x(3, 2),
  },
  'TopK with an attribute': {
    opset: 7,
    nodes: [oneNode('TopK', {k: 3n, axis: 1n}, ['x'], ['y', 'z'])],
    outputs: ['y', 'z'],
    feeds: x(2, 9),
  },
  'Upsample by nearest elements': {
    opset: 7,
    nodes: [oneNode('Upsample', {scales: [1, 1, 2, 3]})],
    feeds: x(1, 2, 3, 4),
  },
  'Upsample by odd factors': {
    opset: 7,
    nodes: [oneNode('Upsample', {mode: 'nearest', scales: [1, 1, 1.7, 2.3]})],
    feeds: x(1, 2, 5, 7),
  },
  'Upsample by interpolation': {
    opset: 7,
    nodes: [oneNode('Upsample', {mode: 'linear', scales: [1, 1, 2.5, 3]})],
    feeds: x(1, 2, 3, 4),
  },
  'Upsample by an input': {
    opset: 9,
    nodes: [oneNode('Upsample', {mode: 'nearest'}, ['x', 'scales'])],
    feeds: {x: numbers([1, 1, 3, 3]), scales: floatsIn([4], [1, 1, 2, 2])},
  },
  'Resize that makes larger by nearest elements': {
    opset: 10,
    nodes: [oneNode('Resize', {mode: 'nearest'}, ['x', 'scales'])],
    weights: [scales(1, 1, 1.6, 2.2)],
    feeds: x(1, 2, 5, 7),
  },
  'Resize that makes smaller by nearest elements': {
    opset: 10,
    nodes: [oneNode('Resize', {}, ['x', 'scales'])],
    weights: [scales(1, 1, 0.6, 0.45)],
    feeds: x(1, 2, 7, 9),
  },
  'Resize by interpolation': {
    opset: 10,
    nodes: [oneNode('Resize', {mode: 'linear'}, ['x', 'scales'])],
    weights: [scales(1, 1, 0.6, 1.8)],
    feeds: x(1, 2, 7, 5),
  },
  'Resize with scales of a Constant node': {
    opset: 10,
    nodes: [
      createNode('Constant', [], ['scales'], {
        attributes: oneNode('Constant').attributes.concat({
          ...oneNode('Constant', {value: 1n}).attributes[0]!,
          typeCode: 4,
          tensor: scales(1, 1, 2, 2),
        }),
      }),
      oneNode('Resize', {}, ['x', 'scales']),
    ],
    feeds: x(1, 1, 3, 3),
  },
  'Resize to a size, with empty tensors for what is left out': {
    opset: 11,
    nodes: [oneNode('Resize', {mode: 'linear'}, ['x', 'roi', 'none', 'sizes'])],
    weights: [empty('roi'), empty('none'), integerWeight('sizes', [4], [1, 2, 9, 6])],
    feeds: x(1, 2, 4, 5),
  },
  'Resize with cubic interpolation': {
    opset: 11,
    nodes: [
      oneNode('Resize', {mode: 'cubic', cubic_coeff_a: -0.5, exclude_outside: 1n}, ['x', 'roi', 'scales']),
    ],
    weights: [empty('roi'), scales(1, 1, 1.5, 2)],
    feeds: x(1, 1, 4, 5),
  },
  'Resize with the half pixels of TensorFlow': {
    opset: 11,
    nodes: [
      oneNode(
        'Resize',
        {mode: 'nearest', nearest_mode: 'floor', coordinate_transformation_mode: 'tf_half_pixel_for_nn'},
        ['x', 'roi', 'scales'],
      ),
    ],
    weights: [empty('roi'), scales(1, 1, 2, 3)],
    feeds: x(1, 1, 4, 5),
  },
  'Dropout of version 7': {opset: 7, nodes: [oneNode('Dropout', {ratio: 0.3})], feeds: x(2, 3)},
  'Dropout with a mask that nothing reads': {
    opset: 10,
    nodes: [oneNode('Dropout', {}, ['x'], ['y', 'mask'])],
    feeds: x(2, 3),
  },
  'BatchNormalization by channel': {
    opset: 7,
    nodes: [oneNode('BatchNormalization', {spatial: 1n, epsilon: 1e-3, momentum: 0.8}, normalInputs)],
    weights: normal,
    feeds: x(2, 3, 4, 5),
  },
  'BatchNormalization by element without further axes': {
    opset: 8,
    nodes: [oneNode('BatchNormalization', {spatial: 0n}, normalInputs)],
    weights: normal,
    feeds: x(2, 3),
  },
  'BatchNormalization of version 9': {
    opset: 9,
    nodes: [oneNode('BatchNormalization', {}, normalInputs)],
    weights: normal,
    feeds: x(2, 3, 4),
  },
  Scatter: {
    opset: 9,
    nodes: [oneNode('Scatter', {axis: 1n}, ['x', 'places', 'updates'])],
    weights: [integerWeight('places', [2, 2], [2, 0, 1, 2]), floatWeight('updates', [2, 2], [9, 8, 7, 6])],
    feeds: x(2, 3),
  },
  DFT: {opset: 17, nodes: [oneNode('DFT', {onesided: 1n})], feeds: x(1, 8, 3, 1)},
  'DFT over another axis': {opset: 17, nodes: [oneNode('DFT', {axis: 2n})], feeds: x(1, 3, 6, 2)},
  'GridSample by interpolation': {
    opset: 16,
    nodes: [oneNode('GridSample', {}, ['x', 'grid'])],
    feeds: {x: numbers([1, 2, 4, 5]), grid: numbers([1, 3, 3, 2], 'float32', 4)},
  },
  'GridSample with cubic interpolation': {
    opset: 16,
    nodes: [oneNode('GridSample', {mode: 'bicubic', padding_mode: 'border'}, ['x', 'grid'])],
    feeds: {x: numbers([1, 2, 4, 5]), grid: numbers([1, 3, 3, 2], 'float32', 4)},
  },
  RoiAlign: {
    opset: 10,
    nodes: [
      oneNode('RoiAlign', {output_height: 3n, output_width: 2n, sampling_ratio: 2n, spatial_scale: 0.9}, [
        'x',
        'regions',
        'batch',
      ]),
    ],
    feeds: boxes,
  },
  // Of the rest only rooms for more were added; what could still differ is run.
  'OneHot with indices from the back': {
    opset: 9,
    nodes: [oneNode('OneHot', {axis: -1n}, ['indices', 'depth', 'x'])],
    weights: [integerWeight('depth', [1], [4])],
    feeds: {indices: integersIn([4], [0, -1, 3, -4]), x: floatsIn([2], [0.5, 3])},
  },
  'AveragePool over the padding': {
    opset: 7,
    nodes: [
      oneNode('AveragePool', {
        kernel_shape: [3n, 3n],
        strides: [2n, 2n],
        pads: [1n, 1n, 1n, 1n],
        count_include_pad: 1n,
      }),
    ],
    feeds: x(1, 2, 7, 8),
  },
  'AveragePool with rounded-up sizes over the padding': {
    opset: 10,
    nodes: [
      oneNode('AveragePool', {
        kernel_shape: [3n, 2n],
        strides: [2n, 2n],
        pads: [1n, 1n, 1n, 0n],
        count_include_pad: 1n,
        ceil_mode: 1n,
      }),
    ],
    feeds: x(1, 2, 8, 7),
  },
  'AveragePool with rounded-up sizes': {
    opset: 10,
    nodes: [
      oneNode('AveragePool', {
        kernel_shape: [3n, 3n],
        strides: [2n, 2n],
        pads: [1n, 1n, 0n, 0n],
        ceil_mode: 1n,
      }),
    ],
    feeds: x(1, 2, 8, 7),
  },
  LpPool: {
    opset: 11,
    nodes: [oneNode('LpPool', {kernel_shape: [3n, 2n], strides: [2n, 1n], pads: [1n, 0n, 1n, 0n]})],
    feeds: x(1, 2, 8, 7),
  },
  'ConvTranspose with automatic padding': {
    opset: 7,
    nodes: [oneNode('ConvTranspose', {auto_pad: 'SAME_UPPER', strides: [2n, 2n]}, ['x', 'w'])],
    weights: [tensorFromValue('w', numbers([2, 3, 3, 3], 'float32', 5))],
    feeds: x(1, 2, 4, 4),
  },
  'MaxPool with indices in columns': {
    opset: 8,
    nodes: [
      oneNode('MaxPool', {kernel_shape: [2n, 2n], strides: [1n, 2n], storage_order: 1n}, ['x'], ['y', 'z']),
    ],
    outputs: ['y', 'z'],
    feeds: x(1, 2, 5, 6),
  },
  Pow: {
    opset: 7,
    nodes: [oneNode('Pow', {}, ['x', 'p'])],
    weights: [scales(2)].map(one => ({...one, name: 'p'})),
    feeds: x(3, 4),
  },
  'Max, Mean and Sum of several': {
    opset: 7,
    nodes: [
      createNode('Max', ['x', 'w'], ['a']),
      createNode('Mean', ['x', 'a', 'w'], ['b']),
      createNode('Sum', ['a', 'b', 'x'], ['y']),
    ],
    feeds: {x: numbers([2, 3]), w: numbers([2, 3], 'float32', 9)},
  },
  LSTM: {
    opset: 7,
    nodes: [oneNode('LSTM', {hidden_size: 2n}, ['x', 'w', 'r'], ['', 'y'])],
    feeds: recurrent,
  },
  ThresholdedRelu: {opset: 8, nodes: [oneNode('ThresholdedRelu', {alpha: 0.5})], feeds: x(2, 5)},
};

const REDUCTIONS = 'L1 L2 LogSum LogSumExp Max Mean Min Prod SumSquare'.split(' ');
/** Every conversion, and what might differ without one, as small models of the opset they are written in. */
export const OPSET_CASES: Readonly<Record<string, OpsetCase>> = {
  ...CASES,
  ...Object.fromEntries(
    REDUCTIONS.flatMap(name => [
      [
        `Reduce${name} over axes`,
        {
          opset: 13,
          nodes: [createNode('Abs', ['x'], ['a']), oneNode(`Reduce${name}`, {axes: [0n, 2n]}, ['a'])],
          feeds: x(2, 3, 2),
        },
      ],
      [
        `Reduce${name} over all`,
        {
          opset: 7,
          nodes: [createNode('Abs', ['x'], ['a']), oneNode(`Reduce${name}`, {keepdims: 0n}, ['a'])],
          feeds: x(2, 3),
        },
      ],
    ]),
  ),
};
