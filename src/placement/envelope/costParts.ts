import {costOfPlacement, upBytesOf} from '../costOfPlacement.ts';
import type {ProblemTier} from '../costOfPlacement.ts';
import type {PlacementProblem} from '../problem.ts';
import type {CostLine} from './lowerEnvelope.ts';

/**
 * What the best placement is asked over. `link-time`: a factor on the time per byte, both directions alike; `device-time`
 * and `cloud-time`: a factor on every layer's time on that tier, and on the device's fixed part; `round-trip`: ns more
 * or less of the link's fixed cost.
 */
export type Quantity = 'link-time' | 'device-time' | 'cloud-time' | 'round-trip';

/** Where a quantity is now: what is measured has the factor 1, and nothing is added to the round trip. */
export function presentValue(quantity: Quantity): number {
  return quantity === 'round-trip' ? 0 : 1;
}

/** A placement's cost in the parts that change with one quantity each, in ns; nothing in it is rounded. */
export interface CostParts {
  readonly deviceNs: number;
  readonly cloudNs: number;
  readonly transferNs: number;
  /** 1 when anything runs in the cloud. */
  readonly roundTrips: 0 | 1;
  /** Fixed costs and handing over. */
  readonly restNs: number;
}

/** @throws RangeError as `costOfPlacement` does */
export function costPartsOf(problem: PlacementProblem, tiers: readonly ProblemTier[]): CostParts {
  const {deviceNs, cloudNs, upBytes, downBytes, crossing} = costOfPlacement(problem, tiers);
  const usesCloud = tiers.includes('cloud');
  const {link} = problem;
  if (link === null) return {deviceNs, cloudNs, transferNs: 0, roundTrips: 0, restNs: 0};
  let handedOverBytes = 0;
  let headersNs = 0;
  let encodingNs = 0;
  for (const {tensor: index, direction} of crossing) {
    const tensor = problem.tensors[index];
    if (tensor === undefined) continue;
    const nsPerByte = direction === 'up' ? link.upNsPerByte : link.downNsPerByte;
    headersNs += (tensor.headerBytes?.[direction] ?? 0) * nsPerByte;
    if (direction === 'down') continue;
    if (tensor.producer !== null) handedOverBytes += upBytesOf(tensor);
    encodingNs += tensor.upNs ?? 0;
  }
  const isSplit = usesCloud && tiers.includes('device');
  return {
    deviceNs,
    cloudNs,
    transferNs: upBytes * link.upNsPerByte + downBytes * link.downNsPerByte + headersNs,
    roundTrips: usesCloud ? 1 : 0,
    restNs:
      (usesCloud ? link.fixedNs : 0) +
      (isSplit ? (link.cutFixedNs ?? 0) : 0) +
      crossing.length * link.perTensorNs +
      encodingNs +
      handedOverBytes * (link.handoverNsPerByte ?? 0),
  };
}

export function costLineFrom(parts: CostParts, quantity: Quantity): CostLine {
  const {deviceNs, cloudNs, transferNs, roundTrips, restNs} = parts;
  switch (quantity) {
    case 'link-time':
      return {atZero: restNs + deviceNs + cloudNs, slope: transferNs};
    case 'device-time':
      return {atZero: restNs + cloudNs + transferNs, slope: deviceNs};
    case 'cloud-time':
      return {atZero: restNs + deviceNs + transferNs, slope: cloudNs};
    case 'round-trip':
      return {atZero: restNs + deviceNs + cloudNs + transferNs, slope: roundTrips};
  }
}
