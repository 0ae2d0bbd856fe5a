import {choleskyFactor, dot} from '../correction/cholesky.ts';
import type {Moments} from '../correction/moments.ts';
import {quadraticFromMoments} from '../correction/quadratic.ts';
import {refitWeights} from '../correction/refitWeights.ts';
import type {FitSamples} from './fitSamples.ts';

/** Fitting from second moments: the work grows with the cube of the inputs, whatever the number of rows. */
export function samplesFromMoments(moments: Moments): FitSamples {
  const {count, inputs, outputs, inputMeans, outputMeans, covariance, crossCovariance} = moments;
  const meanBias = (weights: Float64Array): Float64Array =>
    outputMeans.map((mean, output) => mean - dot(weights, output * inputs, inputMeans, 0, inputs));
  return {
    count,
    meanBias,
    ridge(weights, damping) {
      const {matrix, size} = quadraticFromMoments(moments, damping);
      const factor = choleskyFactor(matrix, size);
      return factor === null ? null : refitWeights(weights, moments, factor);
    },
    error(weights, bias) {
      const means = meanBias(weights);
      let error = 0;
      for (let output = 0; output < outputs; output += 1) {
        const from = output * inputs;
        error += ((bias[output] as number) - (means[output] as number)) ** 2;
        for (let row = 0; row < inputs; row += 1) {
          const weight = weights[from + row] as number;
          error += weight * dot(weights, from, covariance, row * inputs, inputs);
          error -= 2 * weight * (crossCovariance[from + row] as number);
        }
      }
      return error;
    },
  };
}
