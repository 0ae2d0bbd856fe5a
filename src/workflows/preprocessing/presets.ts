import type {PreprocessingPreset, PreprocessingSteps} from '../../documents/preprocessing.ts';

/** How a preset brings an image to the model's size. */
export type PresetGeometry =
  /** The shorter side to 256/224 of the model's size, then the centre: how ImageNet is evaluated. */
  | 'centre'
  /** The whole image to the model's size, whatever its proportions. */
  | 'stretch';

type PresetValues = Required<Pick<PreprocessingSteps, 'scale' | 'mean' | 'std'>>;

export interface Preset extends PresetValues {
  readonly geometry: PresetGeometry;
  /** Of colour images. */
  readonly channelOrder: 'rgb' | 'bgr';
}

/** 224 of 256 pixels, the 0.875 of TF-Slim's `central_fraction`. */
export const CENTRE_FRACTION = 224 / 256;

export const PRESETS: Readonly<Record<PreprocessingPreset, Preset>> = {
  // torchvision's models. @see https://docs.pytorch.org/vision/stable/models.html
  imagenet: {
    geometry: 'centre',
    channelOrder: 'rgb',
    scale: '1/255',
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  // Caffe's models, in the order blue, green, red: mean_value of bvlc_googlenet/train_val.prototxt.
  'imagenet-caffe': {geometry: 'centre', channelOrder: 'bgr', scale: 1, mean: [104, 117, 123], std: 1},
  // TF-Slim's and Keras' `mode="tf"`: -1 to 1.
  mobilenet: {geometry: 'centre', channelOrder: 'rgb', scale: '1/127.5', mean: 1, std: 1},
  unit: {geometry: 'stretch', channelOrder: 'rgb', scale: '1/255', mean: 0, std: 1},
  raw: {geometry: 'stretch', channelOrder: 'rgb', scale: 1, mean: 0, std: 1},
};
