import type {PixelValues} from '../../documents/boundary.ts';
import type {Preprocessing} from '../../documents/preprocessing.ts';
import type {TensorSpec} from '../../documents/tensor.ts';
import {ExpectedError} from '../../errors.ts';
import {declaredSteps} from '../data/inputRows.ts';
import {resolvePreprocessing} from '../preprocessing/resolvePreprocessing.ts';

/**
 * The inputs that are pictures because the project's preprocessing says so, with what their values are of the pixels. Where
 * it says nothing, nothing is assumed: values that came from no pixels would be rounded to some.
 */
export function pixelInputs(
  inputs: readonly TensorSpec[],
  preprocessing: Preprocessing | undefined,
): Map<string, PixelValues> {
  const found = new Map<string, PixelValues>();
  for (const [input, steps] of declaredSteps(inputs, preprocessing)) {
    const pixels = pixelsOf(input, steps);
    if (pixels !== null) found.set(input.name, pixels);
  }
  return found;
}

function pixelsOf(input: TensorSpec, steps: Parameters<typeof resolvePreprocessing>[2]): PixelValues | null {
  if (input.elementType !== 'float32' || input.shape.length !== 4) return null;
  try {
    const resolved = resolvePreprocessing(input, input.shape.slice(1), steps);
    const {numerator, denominator, mean, std, layout} = resolved;
    return {
      numerator,
      denominator,
      mean: [...mean],
      std: [...std],
      channelAxis: layout === 'nchw' ? 1 : 3,
    };
  } catch (error) {
    // Declared for whatever is fed images; this input is none.
    if (error instanceof ExpectedError) return null;
    throw error;
  }
}
