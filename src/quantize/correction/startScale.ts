import {roundHalfEven} from '../roundHalfEven.ts';

/** Clipping below half of the largest weight never pays at 7 or 8 bits (Banner et al., arXiv 1810.05723). */
const SMALLEST_FACTOR = 0.5;
const STEPS = 25;

/** The scale at which rounding each weight by itself costs least, errors weighted with the variance of their inputs. */
export function startScale(weights: Float32Array, variances: readonly number[], highest: number): number {
  const largest = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  let best = {scale: largest / highest, error: Infinity};
  for (let step = 0; step <= STEPS && largest > 0; step += 1) {
    const scale = (largest / highest) * (1 - ((1 - SMALLEST_FACTOR) * step) / STEPS);
    let error = 0;
    for (let at = 0; at < weights.length; at += 1) {
      const weight = weights[at] as number;
      const integer = Math.max(-highest, Math.min(highest, roundHalfEven(weight / scale)));
      error += (variances[at] as number) * (weight - integer * scale) ** 2;
    }
    if (error < best.error) best = {scale, error};
  }
  return best.scale;
}
