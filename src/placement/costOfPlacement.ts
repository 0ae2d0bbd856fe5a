import type {PlacementProblem, ProblemLink, ProblemTensor} from './problem.ts';

export type ProblemTier = 'device' | 'cloud';

export interface ProblemCrossing {
  /** Index into the problem's tensors. */
  readonly tensor: number;
  readonly direction: 'up' | 'down';
}

/** One rule that a placement breaks; layers and tensors are indices into the problem. */
export type Violation =
  | {readonly kind: 'no-cloud'; readonly layer: number}
  | {readonly kind: 'cannot-run-in-cloud'; readonly layer: number}
  | {readonly kind: 'pinned'; readonly layer: number}
  | {readonly kind: 'flows-back'; readonly tensor: number}
  | {readonly kind: 'cannot-cross'; readonly tensor: number; readonly direction: 'up' | 'down'};

export interface PlacementCost {
  readonly costNs: number;
  /** `deviceFixedNs` included. */
  readonly deviceNs: number;
  readonly deviceFixedNs: number;
  readonly cloudNs: number;
  readonly linkNs: number;
  readonly upBytes: number;
  readonly downBytes: number;
  readonly crossing: readonly ProblemCrossing[];
  readonly violations: readonly Violation[];
}

/**
 * What a placement costs and which rules it breaks, straight from the definition and without the flow graph, so that
 * it can check the cut. `tiers` holds one tier per layer. A layer that cannot run in the cloud counts 0 ns there.
 * @throws RangeError when the lengths differ or a sum is no safe integer
 */
export function costOfPlacement(problem: PlacementProblem, tiers: readonly ProblemTier[]): PlacementCost {
  if (tiers.length !== problem.layers.length)
    throw new RangeError(`${tiers.length} tiers for ${problem.layers.length} layers`);
  const violations: Violation[] = [];
  const crossing: ProblemCrossing[] = [];
  let deviceNs = 0;
  let cloudNs = 0;
  let linkNs = 0;
  let upBytes = 0;
  let downBytes = 0;

  problem.layers.forEach((layer, index) => {
    const tier = tiers[index];
    if (layer.pin !== undefined && layer.pin.tier !== tier) violations.push({kind: 'pinned', layer: index});
    if (tier === 'device') deviceNs = addSafely(deviceNs, layer.deviceNs);
    else {
      if (problem.link === null) violations.push({kind: 'no-cloud', layer: index});
      if (layer.cloudNs === null) violations.push({kind: 'cannot-run-in-cloud', layer: index});
      cloudNs = addSafely(cloudNs, layer.cloudNs ?? 0);
    }
  });

  problem.tensors.forEach((tensor, index) => {
    const madeInCloud = tensor.producer !== null && tiers[tensor.producer] === 'cloud';
    if (madeInCloud && tensor.consumers.some(consumer => tiers[consumer] === 'device'))
      violations.push({kind: 'flows-back', tensor: index});
    const goesUp = !madeInCloud && tensor.consumers.some(consumer => tiers[consumer] === 'cloud');
    const goesDown = madeInCloud && tensor.isOutput;
    if (!goesUp && !goesDown) return;
    const direction = goesUp ? 'up' : 'down';
    crossing.push({tensor: index, direction});
    if (!tensor.canCross) violations.push({kind: 'cannot-cross', tensor: index, direction});
    if (problem.link !== null) linkNs = addSafely(linkNs, crossingNs(problem.link, tensor, direction));
    if (goesUp) upBytes = addSafely(upBytes, upBytesOf(tensor));
    else downBytes = addSafely(downBytes, tensor.bytes);
  });

  if (problem.link !== null && tiers.includes('cloud')) linkNs = addSafely(linkNs, problem.link.fixedNs);
  if (tiers.includes('device') && tiers.includes('cloud'))
    linkNs = addSafely(linkNs, problem.link?.cutFixedNs ?? 0);
  const deviceFixedNs = tiers.includes('device') ? (problem.deviceFixedNs ?? 0) : 0;
  deviceNs = addSafely(deviceNs, deviceFixedNs);
  const costNs = addSafely(addSafely(deviceNs, cloudNs), linkNs);
  return {costNs, deviceNs, deviceFixedNs, cloudNs, linkNs, upBytes, downBytes, crossing, violations};
}

/**
 * Whole nanoseconds for one tensor to cross, without the link's fixed parts. What goes up and is no model input was made
 * by a layer on the device, so it is handed over as well. @throws RangeError past 2^53
 */
export function crossingNs(
  link: ProblemLink,
  tensor: Pick<ProblemTensor, 'bytes' | 'upBytes' | 'headerBytes' | 'upNs' | 'producer'>,
  direction: 'up' | 'down',
): number {
  const headerBytes = tensor.headerBytes?.[direction] ?? 0;
  if (direction === 'down')
    return addSafely(Math.round((tensor.bytes + headerBytes) * link.downNsPerByte), link.perTensorNs);
  const handoverNsPerByte = tensor.producer === null ? 0 : (link.handoverNsPerByte ?? 0);
  const transferNs = Math.round(
    upBytesOf(tensor) * (link.upNsPerByte + handoverNsPerByte) + headerBytes * link.upNsPerByte,
  );
  return addSafely(addSafely(transferNs, link.perTensorNs), tensor.upNs ?? 0);
}

/** What a tensor takes on the way up. */
export function upBytesOf({bytes, upBytes}: Pick<ProblemTensor, 'bytes' | 'upBytes'>): number {
  return upBytes ?? bytes;
}

function addSafely(left: number, right: number): number {
  const sum = left + right;
  if (!Number.isSafeInteger(sum)) throw new RangeError(`${left} + ${right} is no safe integer`);
  return sum;
}
