import type {Layout} from '../../documents/dataSource.ts';
import type {Interpolation, PreprocessingPreset, PreprocessingSteps} from '../../documents/preprocessing.ts';
import {countElements} from '../../documents/elementTypes.ts';
import type {TensorSpec} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {CENTRE_FRACTION, PRESETS} from './presets.ts';

export interface ResizeStep {
  readonly mode: 'stretch' | 'shortest-side' | 'letterbox';
  /** Both are the shorter side's for `shortest-side`. */
  readonly height: number;
  readonly width: number;
  readonly interpolation: Interpolation;
  readonly antialias: boolean;
  readonly padding: number;
}

/** Every step from an image to one row of an input, nothing left open; its JSON is part of a data set's digest. */
export interface ResolvedPreprocessing {
  readonly height: number;
  readonly width: number;
  readonly layout: Layout;
  readonly channelOrder: 'rgb' | 'bgr' | 'gray';
  readonly resize: ResizeStep | null;
  readonly crop: {readonly height: number; readonly width: number} | null;
  /** An image of the model's size is neither resized nor cropped: it has been made ready, or the model is small. */
  readonly takesReadyImages: boolean;
  /** value = (pixel · numerator / denominator − mean) / std, mean and std per channel. */
  readonly numerator: number;
  readonly denominator: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly elementType: 'float32' | 'float16' | 'uint8' | 'int8';
}

/** As OpenCV's users and Ultralytics pad. */
const LETTERBOX_GRAY = 114;

const IMAGE_TYPES = ['float32', 'float16', 'uint8', 'int8'] as const;

/**
 * What was declared, completed from the preset and from the input's own shape (`rowShape` is that of one image).
 * @throws ExpectedError `wrong-input-shape`, `wrong-input-type` (exit 2) where input and steps do not go together
 */
export function resolvePreprocessing(
  input: TensorSpec,
  rowShape: readonly number[],
  steps: PreprocessingSteps,
): ResolvedPreprocessing {
  const {height, width, channels, layout} = imageShape(input, rowShape, steps.layout);
  const preset = steps.preset === undefined ? null : PRESETS[steps.preset];
  const channelOrder = steps.channelOrder ?? (channels === 1 ? 'gray' : (preset?.channelOrder ?? 'rgb'));
  if ((channelOrder === 'gray') !== (channels === 1))
    throw refuseShape(
      input,
      `which has ${channels} channels per pixel, and its preprocessing makes ${channelOrder}`,
    );
  const elementType = IMAGE_TYPES.find(type => type === input.elementType);
  if (elementType === undefined || (steps.elementType ?? elementType) !== elementType)
    throw new ExpectedError(
      'wrong-input-type',
      `Input ${input.name} takes ${input.elementType}; preprocessing makes ${steps.elementType ?? IMAGE_TYPES.join(', ')} of images.`,
      EXIT.usage,
    );
  const isOwnGeometry = steps.resize !== undefined || steps.crop !== undefined;
  const [numerator, denominator] = fractionOf(steps.scale ?? preset?.scale ?? 1);
  return {
    height,
    width,
    layout,
    channelOrder,
    ...(preset === null || isOwnGeometry
      ? declaredGeometry(steps, height, width)
      : presetGeometry(preset.geometry, height, width)),
    takesReadyImages: preset !== null && !isOwnGeometry,
    numerator,
    denominator,
    mean: perChannel(input, 'mean', steps.mean ?? preset?.mean ?? 0, channels),
    std: perChannel(input, 'std', steps.std ?? preset?.std ?? 1, channels),
    elementType,
  };
}

/** What images most probably want to become, where nobody has said it. */
export function likelyPreset(input: TensorSpec, rowShape: readonly number[]): PreprocessingPreset {
  const {channels, layout} = imageShape(input, rowShape, undefined);
  if (!input.elementType.startsWith('float')) return 'raw';
  if (channels === 1) return 'unit';
  // PyTorch lays channels first, TensorFlow last.
  return layout === 'nchw' ? 'imagenet' : 'mobilenet';
}

/** [c,h,w], [h,w,c] or [h,w]; axes of 1 or 3 tell which, and channels come first where both could be. */
function imageShape(
  input: TensorSpec,
  rowShape: readonly number[],
  declared: Layout | undefined,
): {height: number; width: number; channels: 1 | 3; layout: Layout} {
  const [first = 0, second = 0, third] = rowShape;
  if (rowShape.length === 2) return {height: first, width: second, channels: 1, layout: declared ?? 'nchw'};
  const isChannels = (size: number | undefined): size is 1 | 3 => size === 1 || size === 3;
  if (rowShape.length === 3 && third !== undefined && countElements(rowShape) > 0) {
    if (declared !== 'nhwc' && isChannels(first))
      return {height: second, width: third, channels: first, layout: 'nchw'};
    if (declared !== 'nchw' && isChannels(third))
      return {height: first, width: second, channels: third, layout: 'nhwc'};
  }
  throw refuseShape(input, 'which is no image of 1 or 3 channels');
}

function declaredGeometry(
  {resize, crop}: PreprocessingSteps,
  height: number,
  width: number,
): Pick<ResolvedPreprocessing, 'resize' | 'crop'> {
  const sizeOf = (size: number | readonly [number, number] | undefined): {height: number; width: number} => {
    if (size === undefined) return {height, width};
    return typeof size === 'number' ? {height: size, width: size} : {height: size[0], width: size[1]};
  };
  const own = resize?.mode === 'shortest-side' ? sizeOf(Math.max(height, width)) : sizeOf(undefined);
  return {
    resize:
      resize === undefined
        ? null
        : {
            mode: resize.mode,
            ...(resize.size === undefined ? own : sizeOf(resize.size)),
            interpolation: resize.interpolation ?? 'bilinear',
            antialias: resize.antialias ?? true,
            padding: resize.padding ?? LETTERBOX_GRAY,
          },
    crop: crop === undefined ? null : sizeOf(crop),
  };
}

function presetGeometry(
  geometry: 'centre' | 'stretch',
  height: number,
  width: number,
): Pick<ResolvedPreprocessing, 'resize' | 'crop'> {
  const how = {interpolation: 'bilinear', antialias: true, padding: LETTERBOX_GRAY} as const;
  if (geometry === 'stretch') return {resize: {mode: 'stretch', height, width, ...how}, crop: null};
  const side = Math.round(Math.max(height, width) / CENTRE_FRACTION);
  return {resize: {mode: 'shortest-side', height: side, width: side, ...how}, crop: {height, width}};
}

function fractionOf(scale: number | string): [number, number] {
  const [numerator = 1, denominator = 1] = String(scale).split('/').map(Number);
  return [numerator, denominator];
}

function perChannel(
  input: TensorSpec,
  what: string,
  given: number | readonly number[],
  channels: number,
): number[] {
  const values = typeof given === 'number' ? [given] : given;
  if (values.length === channels) return [...values];
  if (values.length === 1) return new Array<number>(channels).fill(values[0] ?? 0);
  throw refuseShape(
    input,
    `which has ${channels} channels per pixel, and its preprocessing has ${what} for ${values.length}`,
  );
}

function refuseShape(input: TensorSpec, why: string): ExpectedError {
  return new ExpectedError(
    'wrong-input-shape',
    `Input ${input.name} takes [${input.shape.join(', ')}], ${why}.`,
    EXIT.usage,
    {hints: ['Set preprocessing in edgewise.yaml, or give the samples as .npy.']},
  );
}
