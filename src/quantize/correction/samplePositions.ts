import type {Positions} from './layerGeometry.ts';

/** The golden ratio's fraction: multiples of it fill the unit interval most evenly (Weyl, 1916; Knuth, TAOCP 3, 6.4). */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Places of one sample's output at which a layer is looked at, ascending: all of them, or `most` spread evenly, other ones
 * in every sample.
 */
export function samplePositions(positionCount: number, most: number, sample: number): Positions {
  if (positionCount <= most) return Int32Array.from({length: positionCount}, (_, at) => at);
  const start = (sample * GOLDEN) % 1;
  return Int32Array.from({length: most}, (_, at) => Math.floor(((at + start) * positionCount) / most));
}
