import {
  clipBoundsToInputs,
  dropoutRatioToInput,
  fourierAxisToInput,
  integersToInput,
  padsToInputs,
  scalesToInput,
  sliceRangesToInputs,
  splitIntoEqualParts,
  topCountToInput,
  withoutDropoutMask,
} from './attributesToInputs.ts';
import {unchanged, type Conversion} from './conversion.ts';
import {
  keepUnshiftedRegions,
  leaveOutEmptyInputs,
  renameSamplingMode,
  upsampleToResize,
  writeOutCoordinates,
} from './resizeCoordinates.ts';
import {coerceSoftmaxAxes} from './softmaxAxis.ts';
import {requireStatisticsPerChannel, withoutTrainingOutputs} from './trainingLeftovers.ts';

const REDUCTIONS = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSumSquare',
];

/**
 * By operator and version, how a node of the version before is written in it. Breaking versions without a conversion are
 * refused, and so is everything before version 7, which ONNX Runtime does not guarantee to run. Additive versions need
 * none, except those listed here, whose meaning changed without their schema showing it.
 * @see https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 */
export const CONVERSIONS: Readonly<Record<string, Readonly<Record<number, Conversion>>>> = {
  ...Object.fromEntries(REDUCTIONS.map(operator => [operator, {18: integersToInput('axes', 1)}])),
  BatchNormalization: {9: requireStatisticsPerChannel, 14: withoutTrainingOutputs},
  Clip: {11: clipBoundsToInputs},
  DFT: {20: fourierAxisToInput},
  Dropout: {10: withoutDropoutMask, 12: dropoutRatioToInput},
  // Integers are no longer allowed, which no kernel of ONNX Runtime ever took.
  Erf: {13: unchanged},
  GridSample: {20: renameSamplingMode},
  Hardmax: {13: coerceSoftmaxAxes},
  LogSoftmax: {13: coerceSoftmaxAxes},
  Pad: {11: padsToInputs},
  ReduceSum: {13: integersToInput('axes', 1)},
  Resize: {11: writeOutCoordinates, 13: leaveOutEmptyInputs},
  RoiAlign: {16: keepUnshiftedRegions},
  Scatter: {11: node => ({node: {...node, operator: 'ScatterElements'}, what: 'it became ScatterElements'})},
  Slice: {10: sliceRangesToInputs},
  Softmax: {13: coerceSoftmaxAxes},
  Split: {13: integersToInput('split', 1), 18: splitIntoEqualParts},
  Squeeze: {13: integersToInput('axes', 1)},
  TopK: {10: topCountToInput},
  Unsqueeze: {13: integersToInput('axes', 1)},
  Upsample: {9: scalesToInput, 10: upsampleToResize},
};
