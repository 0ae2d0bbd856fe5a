import type {PlanTotals, Tier} from '../../documents/plan.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import {goalFromMeasurements} from './goalFromMeasurements.ts';
import type {MeasuredGoal} from './measuredGoal.ts';
import {PICO} from './measuresOfRequest.ts';
import {memoryOf, weightBytesOnTier} from './memoryOfTier.ts';
import {amountOf} from './space.ts';
import type {Measure, Space, SpacePlacement} from './space.ts';
import {busiestNs, stagesOf} from './stages.ts';

const NS_PER_MS = 1e6;
const NJ_PER_MJ = 1e6;

/** What a placement takes of everything, in the plan's units. */
export function totalsOf(
  goal: MeasuredGoal,
  {price}: Pick<PlacementMeasurements, 'price'>,
  placement: SpacePlacement,
): PlanTotals {
  const {space, latency, tiers, weights, requestOverheadNs} = goal;
  const overheadMs = requestOverheadNs / NS_PER_MS;
  const {tierNs, linkNs, sessionNs} = partsOf(space, latency, placement);
  const bytesOver = (at: number, direction: 'up' | 'down'): number =>
    placement.crossings.reduce(
      (sum, crossing) =>
        crossing.link === at && crossing.direction === direction
          ? sum + (space.tensors[crossing.tensor]?.bytes ?? 0)
          : sum,
      0,
    );
  const weightBytes = (at: number): number =>
    weightBytesOnTier(weights[at] ?? [], layer => placement.tiers[layer] === at);
  const tierMs = (tier: Tier): number => (tierNs[tiers.indexOf(tier)] ?? 0) / NS_PER_MS;
  const links = space.links.map(({from, to}, at) => ({
    from: tiers[from] ?? 'device',
    to: tiers[to] ?? 'cloud',
    ms: (linkNs[at] ?? 0) / NS_PER_MS,
    upBytes: bytesOver(at, 'up'),
    downBytes: bytesOver(at, 'down'),
  }));
  const sum = (pick: (row: (typeof links)[number]) => number): number =>
    links.reduce((total, row) => total + pick(row), 0);
  const fromDevice = links.filter(({from}) => from === 'device');
  return {
    latencyMs: amountOf(space, latency, placement) / NS_PER_MS + overheadMs,
    deviceMs: tierMs('device'),
    ...(tiers.includes('gateway') ? {gatewayMs: tierMs('gateway')} : {}),
    linkMs: sum(({ms}) => ms),
    cloudMs: tierMs('cloud'),
    overheadMs: overheadMs + sessionNs / NS_PER_MS,
    upBytes: fromDevice.reduce((total, {upBytes}) => total + upBytes, 0),
    downBytes: fromDevice.reduce((total, {downBytes}) => total + downBytes, 0),
    deviceWeightBytes: weightBytes(0),
    cloudWeightBytes: tiers.includes('cloud') ? weightBytes(tiers.indexOf('cloud')) : 0,
    tiers: tiers.map((tier, at) => ({
      tier,
      ms: (tierNs[at] ?? 0) / NS_PER_MS,
      weightBytes: weightBytes(at),
      memoryBytes: memoryOf(goal, placement, at),
    })),
    links,
    bottleneckMs: busiestNs(space, stagesOf(space, latency, requestOverheadNs), placement) / NS_PER_MS,
    ...energyAndMoney(goal, price, placement),
  };
}

/** A link's fixed parts are in its time, those of sessions are told apart. */
function partsOf(
  space: Space,
  {layers, up, down, links, hosted, tiers: fixed}: Measure,
  placement: SpacePlacement,
): {readonly tierNs: number[]; readonly linkNs: number[]; readonly sessionNs: number} {
  const {tiers, crossings} = placement;
  const tierNs = new Array<number>(space.tierCount).fill(0);
  tiers.forEach((tier, layer) => (tierNs[tier] = (tierNs[tier] as number) + (layers[layer]?.[tier] ?? 0)));
  const used = new Set(tiers);
  const linkNs = space.links.map(({from}, link) => {
    const own = crossings.filter(crossing => crossing.link === link);
    if (own.length === 0) return 0;
    return own.reduce(
      (sum, {tensor, direction}) => sum + ((direction === 'up' ? up : down)[tensor]?.[link] ?? 0),
      ((links[link] ?? 0) + (used.has(from) ? (hosted[link] ?? 0) : 0)) *
        (space.tripsOf?.(placement)[link] ?? 1),
    );
  });
  const sessionNs = [...used].reduce((sum, tier) => sum + (fixed[tier] ?? 0), 0);
  return {tierNs, linkNs, sessionNs};
}

/** What a placement on a device and a cloud takes of what was declared: energy and money. */
export function declaredTotals(
  measurements: PlacementMeasurements,
): (
  tiers: readonly Tier[],
  crossing: readonly {readonly tensor: number; readonly direction: 'up' | 'down'}[],
) => Pick<PlanTotals, 'energyMillijoules' | 'money'> {
  const {power, price} = measurements;
  if (power === undefined && price === undefined) return () => ({});
  const goal = goalFromMeasurements(measurements);
  return (tiers, crossing) =>
    energyAndMoney(goal, price, {
      tiers: tiers.map(tier => goal.tiers.indexOf(tier)),
      crossings: crossing.map(each => ({...each, link: 0})),
    });
}

function energyAndMoney(
  {space, energy, money}: MeasuredGoal,
  price: PlacementMeasurements['price'],
  placement: SpacePlacement,
): Pick<PlanTotals, 'energyMillijoules' | 'money'> {
  return {
    ...(energy === null ? {} : {energyMillijoules: amountOf(space, energy, placement) / NJ_PER_MJ}),
    ...(money === null || price === undefined
      ? {}
      : {money: {amount: amountOf(space, money, placement) / PICO, currency: price.currency}}),
  };
}
