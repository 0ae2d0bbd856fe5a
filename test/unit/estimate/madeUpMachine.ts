import type {MeasuredModelWork} from '../../../src/estimate/layerTimeModel.ts';
import type {LayerWork} from '../../../src/estimate/layerWork.ts';

/** A convolution of one size. */
export function convolution(
  channels: number,
  size: number,
  kernel: number,
  rest: Partial<LayerWork> = {},
): LayerWork {
  const isDepthwise = (rest.groups ?? 1) > 1;
  const perGroup = isDepthwise ? 1 : channels;
  const outputElements = channels * size * size;
  return {
    name: `conv${channels}x${size}x${kernel}`,
    operator: 'Conv',
    multiplyAdds: outputElements * perGroup * kernel * kernel,
    inputBytes: outputElements * 4,
    outputBytes: outputElements * 4,
    weightBytes: channels * perGroup * kernel * kernel * 4,
    outputElements,
    outputChannels: channels,
    inputChannelsPerGroup: perGroup,
    groups: 1,
    kernelElements: kernel * kernel,
    stride: 1,
    ...rest,
  };
}

/**
 * What no line fits: few channels use an eighth of the multipliers, 1×1 kernels run twice as fast, depthwise ones ten times
 * slower, and nothing takes less than 3 µs.
 */
export function trueMs({
  multiplyAdds,
  outputChannels,
  kernelElements,
  groups,
  inputBytes,
  outputBytes,
}: LayerWork): number {
  const rate =
    2e7 * (outputChannels < 32 ? 1 / 8 : 1) * (kernelElements === 1 ? 2 : 1) * (groups > 1 ? 0.1 : 1);
  return 3e-3 + Math.max(multiplyAdds / rate, (inputBytes + outputBytes) / 8e6);
}

/** Twelve small networks of convolutions of every kind. */
export const MODELS: readonly MeasuredModelWork[] = Array.from({length: 12}, (_, model) => ({
  model: `net${model}`,
  layers: Array.from({length: 14}, (__, index) => {
    const channels = [8, 16, 24, 32, 48, 64, 96, 128][(3 * model + 5 * index) % 8]!;
    const size = [56, 28, 28, 14, 14, 7][(model + index) % 6]!;
    const kernel = [1, 3, 3, 5][(2 * model + index) % 4]!;
    const work = convolution(channels, size, kernel, index % 4 === 1 ? {groups: channels} : {});
    return {...work, name: `${work.name}-${index}`, ms: trueMs(work)};
  }),
}));
