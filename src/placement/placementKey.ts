import type {Plan} from '../documents/plan.ts';
import {tierBuildsOf} from '../documents/tierBuilds.ts';

/** The same for two plans whose releases run the same: where layers are, of which build, and how what crosses travels. */
export function placementKey({layers, cut, precision, build}: Plan): string {
  const crossings = cut.map(({tensor, direction, precision: rounded, isPacked}) => [
    tensor,
    direction,
    rounded,
    isPacked,
  ]);
  return JSON.stringify([layers.map(({tier}) => tier), crossings, build, tierBuildsOf(precision)]);
}
