import type {Link, ModelTimes} from '../documents/profile.ts';

/** What one device's measurements are to a plan: its layers and its link to the cloud, `null` where there is none. */
export interface MeasuredSpeed {
  readonly times: ModelTimes;
  readonly link: Link | null;
}

/** How far two devices may lie apart and still share a plan. */
export interface Likeness {
  /** Of the layers' summed time: the sum of the layers' differences may be this share of the larger. */
  readonly layerShare: number;
  /** The larger bandwidth over the smaller, and the larger fixed time over the smaller. */
  readonly linkFactor: number;
  /** Fixed times that differ by less are alike whatever their ratio. */
  readonly linkFixedMs: number;
}

/** Repeated profiles of one board differ by about 5 % in their layers; links by far more, from hour to hour. */
export const LIKENESS: Likeness = {layerShare: 0.2, linkFactor: 2, linkFixedMs: 5};

/**
 * How far two devices lie apart, as a multiple of what is allowed: up to 1 they are alike. Symmetric, 0 for equal ones,
 * infinite when only one has a link or the layers are not the same.
 */
export function differenceOfProfiles(left: MeasuredSpeed, right: MeasuredSpeed, likeness = LIKENESS): number {
  return Math.max(
    differenceOfLayers(left.times, right.times) / likeness.layerShare,
    differenceOfLinks(left.link, right.link, likeness),
  );
}

function differenceOfLayers(left: ModelTimes, right: ModelTimes): number {
  if (left.layers.length !== right.layers.length) return Infinity;
  let difference = 0;
  let leftMs = 0;
  let rightMs = 0;
  for (const [index, layer] of left.layers.entries()) {
    const other = right.layers[index];
    if (other?.name !== layer.name) return Infinity;
    difference += Math.abs(layer.ms - other.ms);
    leftMs += layer.ms;
    rightMs += other.ms;
  }
  return difference === 0 ? 0 : difference / Math.max(leftMs, rightMs);
}

function differenceOfLinks(left: Link | null, right: Link | null, likeness: Likeness): number {
  if (left === null || right === null) return left === right ? 0 : Infinity;
  const ratio = (one: number, other: number): number =>
    one === other ? 0 : Math.abs(Math.log(one / other)) / Math.log(likeness.linkFactor);
  const fixed = Math.abs(left.fixedMs - right.fixedMs);
  return Math.max(
    ratio(left.upBytesPerSecond, right.upBytesPerSecond),
    ratio(left.downBytesPerSecond, right.downBytesPerSecond),
    fixed <= likeness.linkFixedMs
      ? fixed / likeness.linkFixedMs
      : Math.max(1, ratio(left.fixedMs, right.fixedMs)),
  );
}
