import type {Crossing, ExchangedTensor, PlanTotals} from '../documents/plan.ts';
import {costOfPlacement, upBytesOf} from './costOfPlacement.ts';
import type {PlacementCost, ProblemTier, Violation} from './costOfPlacement.ts';
import {bytesOfTensor} from './measurements.ts';
import type {TensorRow} from './measurements.ts';
import type {PlacementProblem} from './problem.ts';

const NS_PER_MS = 1e6;

/**
 * Names placements for people, each its own: `device-only`, `cloud-only`, `cut after conv2` where the device's layers
 * are the first ones, else `cut at` the tensors that go up; two that would be called alike are counted.
 */
export function createNamer(problem: PlacementProblem): (tiers: readonly ProblemTier[]) => string {
  const given = new Map<string, string>();
  const taken = new Set<string>();
  return tiers => {
    const key = tiers.join();
    const known = given.get(key);
    if (known !== undefined) return known;
    const plain = describeTiers(problem, tiers);
    let name = plain;
    for (let count = 2; taken.has(name); count++) name = `${plain} (${count})`;
    given.set(key, name);
    taken.add(name);
    return name;
  };
}

function describeTiers(problem: PlacementProblem, tiers: readonly ProblemTier[]): string {
  const deviceLayers = tiers.filter(tier => tier === 'device').length;
  if (deviceLayers === tiers.length) return 'device-only';
  if (deviceLayers === 0) return 'cloud-only';
  const isPrefix = tiers.slice(0, deviceLayers).every(tier => tier === 'device');
  if (isPrefix) return `cut after ${problem.layers[deviceLayers - 1]?.name ?? ''}`;
  const up = costOfPlacement(problem, tiers).crossing.filter(({direction}) => direction === 'up');
  const names = up.map(({tensor}) => problem.tensors[tensor]?.name ?? '');
  const shown = names.length <= 3 ? names : [...names.slice(0, 2), `${names.length - 2} more`];
  // Layers without inputs can run in the cloud with nothing sent up: then only the count tells.
  return names.length === 0 ? `${deviceLayers} layers on the device` : `cut at ${shown.join(', ')}`;
}

/** The first rule that a placement breaks, as a sentence's beginning; with how many more. */
export function sentenceFromViolations(problem: PlacementProblem, violations: readonly Violation[]): string {
  const first = violations[0];
  if (first === undefined) return 'allowed';
  const more = violations.length === 1 ? '' : ` (and ${violations.length - 1} more)`;
  return `${sentenceFromViolation(problem, first)}${more}`;
}

function sentenceFromViolation(problem: PlacementProblem, violation: Violation): string {
  const layerName = (index: number): string => problem.layers[index]?.name ?? '';
  const tensorName = (index: number): string => problem.tensors[index]?.name ?? '';
  switch (violation.kind) {
    case 'no-cloud':
      return 'there is no cloud';
    case 'cannot-run-in-cloud':
      return `layer ${layerName(violation.layer)} cannot run in the cloud`;
    case 'pinned': {
      const tier = problem.layers[violation.layer]?.pin?.tier ?? 'device';
      return `layer ${layerName(violation.layer)} is pinned to the ${tier}`;
    }
    case 'flows-back':
      return `tensor ${tensorName(violation.tensor)} would come back from the cloud`;
    case 'cannot-cross':
      return `tensor ${tensorName(violation.tensor)} must not cross the link`;
  }
}

/** A cost in ns as the plan's totals in ms; `overheadMs` is what a request costs besides layers and link. */
export function totalsFromCost(
  cost: PlacementCost,
  overheadMs: number,
  weights: {readonly deviceWeightBytes: number; readonly cloudWeightBytes: number},
  hasCloud: boolean,
): PlanTotals {
  return {
    latencyMs: cost.costNs / NS_PER_MS + overheadMs,
    deviceMs: (cost.deviceNs - cost.deviceFixedNs) / NS_PER_MS,
    linkMs: cost.linkNs / NS_PER_MS,
    cloudMs: cost.cloudNs / NS_PER_MS,
    overheadMs: overheadMs + cost.deviceFixedNs / NS_PER_MS,
    upBytes: cost.upBytes,
    downBytes: cost.downBytes,
    ...weights,
    tiers: [
      {
        tier: 'device',
        ms: (cost.deviceNs - cost.deviceFixedNs) / NS_PER_MS,
        weightBytes: weights.deviceWeightBytes,
      },
      ...(hasCloud
        ? [{tier: 'cloud' as const, ms: cost.cloudNs / NS_PER_MS, weightBytes: weights.cloudWeightBytes}]
        : []),
    ],
    links: hasCloud
      ? [
          {
            from: 'device',
            to: 'cloud',
            ms: cost.linkNs / NS_PER_MS,
            upBytes: cost.upBytes,
            downBytes: cost.downBytes,
          },
        ]
      : [],
  };
}

/** The tensors that cross, as the plan's rows. */
export function cutRows(
  problem: PlacementProblem,
  cost: PlacementCost,
  tensors: ReadonlyMap<string, TensorRow>,
): Crossing[] {
  return cost.crossing.map(({tensor: index, direction}) => {
    const tensor = problem.tensors[index];
    const row = tensor === undefined ? undefined : tensors.get(tensor.name);
    if (tensor === undefined || !row?.elementType || !row.shape)
      throw new Error(`tensor ${tensor?.name ?? index} crosses the link, yet its form is unknown`);
    return {
      tensor: tensor.name,
      direction,
      from: direction === 'up' ? 'device' : 'cloud',
      to: direction === 'up' ? 'cloud' : 'device',
      elementType: row.elementType,
      shape: [...row.shape],
      bytes: direction === 'up' ? upBytesOf(tensor) : tensor.bytes,
    };
  });
}

/** What the layers hand to one another, as the plan's rows. */
export function tensorRows(
  problem: PlacementProblem,
  tensors: ReadonlyMap<string, TensorRow>,
): ExchangedTensor[] {
  return problem.tensors.map(({name, producer, consumers, isOutput}) => {
    const row = tensors.get(name);
    const bytes = row === undefined ? null : bytesOfTensor(row);
    return {name, bytes, producer, consumers: [...consumers], isOutput};
  });
}
