import type {ChannelLayer} from './channelLayers.ts';

/** Where a weighted layer's weights lie in its tensor. Outputs and inputs are numbered within their group. */
export interface WeightPlaces {
  readonly groups: number;
  readonly outputsPerGroup: number;
  readonly inputsPerGroup: number;
  /** Places of the kernel; their weights follow each other. */
  readonly taps: number;
  /** Of the first tap. */
  readonly place: (group: number, output: number, input: number) => number;
}

export function weightPlaces(
  {operator, groups, channelAxis}: ChannelLayer,
  dims: readonly number[],
): WeightPlaces {
  const [first = 0, second = 0, ...kernel] = dims;
  const taps = kernel.reduce((product, size) => product * size, 1);
  // Both convolutions have the whole number of channels on their first axis and one group's on their second.
  const perGroup = first / groups;
  const areOutputsFirst = operator === 'Conv' || (operator !== 'ConvTranspose' && channelAxis === 0);
  const [outputsPerGroup, inputsPerGroup] = areOutputsFirst ? [perGroup, second] : [second, perGroup];
  const [outputStep, inputStep] = areOutputsFirst ? [second * taps, taps] : [taps, second * taps];
  const groupStep = perGroup * second * taps;
  return {
    groups,
    outputsPerGroup,
    inputsPerGroup,
    taps,
    place: (group, output, input) => group * groupStep + output * outputStep + input * inputStep,
  };
}
