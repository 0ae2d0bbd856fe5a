import {roundHalfEven} from '../roundHalfEven.ts';
import {limitWeight, type WeightLimits} from './weightLimits.ts';

/** Clipping below half of the largest weight never pays at 7 or 8 bits (Banner et al., arXiv 1810.05723). */
const SMALLEST_FACTOR = 0.5;
/** Two weights that are added first can both be the largest. */
const LARGEST_FACTOR_OF_PAIRS = 2;
const STEPS = 25;

/** The scale at which rounding each weight by itself costs least, errors weighted with the variance of their inputs. */
export function startScale(
  weights: Float32Array,
  variances: readonly number[],
  limits: WeightLimits,
): number {
  const {highest, partners} = limits;
  const largest = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  const widest = (partners === null ? 1 : LARGEST_FACTOR_OF_PAIRS) * (largest / highest);
  const narrowest = SMALLEST_FACTOR * (largest / highest);
  const steps = partners === null ? STEPS : 2 * STEPS;
  const integers = new Int8Array(weights.length);
  let best = {scale: widest, error: Infinity};
  for (let step = 0; step <= steps && largest > 0; step += 1) {
    const scale = widest - ((widest - narrowest) * step) / steps;
    integers.fill(0);
    let error = 0;
    for (let at = 0; at < weights.length; at += 1) {
      const weight = weights[at] as number;
      const partner = partners?.[at] ?? -1;
      const beside = partner < 0 ? 0 : (integers[partner] as number);
      const integer = limitWeight(roundHalfEven(weight / scale), beside, limits);
      integers[at] = integer;
      error += (variances[at] as number) * (weight - integer * scale) ** 2;
    }
    if (error < best.error) best = {scale, error};
  }
  return best.scale;
}
