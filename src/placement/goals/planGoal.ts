import type {Plan, PlanTotals, Tier} from '../../documents/plan.ts';
import type {DocumentHeader} from '../../documents/writeHeader.ts';
import {bytesOfTensor} from '../measurements.ts';
import type {PlacementMeasurements, TensorRow} from '../measurements.ts';
import {cheapestPlacement, contractionOf} from './cheapestPlacement.ts';
import {errorFromGoal} from './goalConflict.ts';
import {searchGoal} from './goalSearch.ts';
import type {Limit} from './goalSearch.ts';
import {goalFromMeasurements, memoryOf, objectiveMeasure, restrictSpace} from './measuredGoal.ts';
import type {MeasuredGoal, Restriction} from './measuredGoal.ts';
import {leastBusyPlacement, stagesOf} from './leastBusyPlacement.ts';
import {reasonsForGoal} from './reasonsForGoal.ts';
import {amountOf} from './space.ts';
import type {Measure, SpacePlacement} from './space.ts';

const NS_PER_MS = 1e6;
const NJ_PER_MJ = 1e6;
const PICO = 1e12;

interface Solved extends SpacePlacement {
  readonly amount: number;
  readonly bound: number;
}

/**
 * The plan for one device over any of its tiers, for any objective and within limits: the best placement found, what proves
 * it or how far it can be off, and a reason per layer.
 * @throws ExpectedError `profile-stale` (exit 14), `pin-matches-nothing` (exit 2), `nothing-feasible` (exit 13)
 */
export function planGoal({
  header,
  measurements,
}: {
  readonly header: DocumentHeader<'plan'>;
  readonly measurements: PlacementMeasurements;
}): Plan {
  const goal = goalFromMeasurements(measurements);
  const {constraints, objective = 'latency'} = measurements;
  const solve = (restrictions: readonly Restriction[], limits: readonly Limit[]): Solved | null =>
    solveGoal(goal, measurements, restrictions, limits);
  const best = solve(goal.restrictions, goal.limits);
  if (best === null) throw errorFromGoal(goal);
  const rawRules = goal.restrictions.filter(({reason}) => reason === 'keeps-raw-input-on-device');
  const pins = goal.restrictions.filter(({reason}) => reason === 'pinned-by-user');
  const free = goal.restrictions.length + goal.limits.length === 0 ? best : solve([], []);
  const without = (kind: Restriction['reason']): readonly number[] | undefined => {
    const rest = goal.restrictions.filter(({reason}) => reason !== kind);
    return rest.length === goal.restrictions.length ? undefined : solve(rest, goal.limits)?.tiers;
  };
  const rows = new Map([...measurements.tensors].map(row => [row.name, row]));
  const totals = (placement: SpacePlacement): PlanTotals => totalsOf(goal, measurements, placement);
  const device = measurements.tiers[0];
  if (device === undefined) throw new RangeError('no tiers');
  const measure = objective === 'throughput' ? goal.latency : objectiveMeasure(goal, objective).measure;
  const reasons = reasonsForGoal(goal, best.tiers, measure, objective, {
    pins,
    ...named('withoutPins', pins.length === 0 ? undefined : without('pinned-by-user')),
    ...named('withoutRawRule', rawRules.length === 0 ? undefined : without('keeps-raw-input-on-device')),
    ...named('withoutLimits', goal.limits.length === 0 ? undefined : solve(goal.restrictions, [])?.tiers),
  });
  return {
    ...header,
    device: device.machine,
    cloud: measurements.tiers.find(({tier}) => tier === 'cloud')?.machine ?? null,
    tiers: measurements.tiers.map(({tier, machine}) => ({tier, machine})),
    build: measurements.build,
    threads: device.times.threads,
    objective,
    constraints: {
      keepRawInputOnDevice: constraints.keepRawInputOnDevice,
      pins: constraints.pins.map(pin => ({...pin})),
      direction: constraints.direction ?? 'one-way',
      ...named('maxLatencyMs', constraints.maxLatencyMs),
      ...named('maxEnergyMillijoules', constraints.maxEnergyMillijoules),
      ...named(
        'maxMoney',
        constraints.maxMoney === undefined
          ? undefined
          : {amount: constraints.maxMoney, currency: measurements.price?.currency ?? ''},
      ),
      ...named(
        'memory',
        constraints.memory?.map(row => ({...row})),
      ),
      ...named('minDeviceLayers', constraints.minDeviceLayers),
    },
    layers: measurements.layers.map(({name, operator}, index) => {
      const msOn = (tier: Tier): number | null => {
        const at = goal.tiers.indexOf(tier);
        return at === -1 ? null : (goal.latency.layers[index]?.[at] ?? 0) / NS_PER_MS;
      };
      return {
        name,
        operator,
        tier: goal.tiers[best.tiers[index] ?? 0] ?? 'device',
        reason: reasons[index] ?? 'no-cloud',
        deviceMs: msOn('device') ?? 0,
        ...(goal.tiers.includes('gateway') ? {gatewayMs: msOn('gateway')} : {}),
        cloudMs: msOn('cloud'),
      };
    }),
    tensors: goal.space.tensors.map(({name, producer, consumers, isOutput}) => {
      const row = rows.get(name);
      return {
        name,
        bytes: row === undefined ? null : bytesOfTensor(row),
        producer,
        consumers: [...consumers],
        isOutput,
      };
    }),
    cut: cutOf(goal, best, rows),
    predicted: totals(best),
    certificate: {
      unit: objective === 'throughput' ? 'ns' : objectiveMeasure(goal, objective).unit,
      flow: best.bound,
      cut: best.amount,
      bound: best.bound,
      isOptimal: best.bound === best.amount,
    },
    alternatives: alternativesOf(goal, measurements, best, free, measure, totals),
    refusals: goal.refusals.map(refusal => ({...refusal})),
    isComplete: !goal.refusals.some(({reason}) => reason === 'layer-without-measured-time'),
    isApplyable: true,
  };
}

/** The best placement for the objective under some of the restrictions and limits; `null`: none was found. */
export function solveGoal(
  goal: MeasuredGoal,
  {objective = 'latency', tiers}: PlacementMeasurements,
  restrictions: readonly Restriction[],
  limits: readonly Limit[],
): Solved | null {
  const space = restrictSpace(goal.space, restrictions);
  if (objective === 'throughput')
    return leastBusyPlacement(space, goal.latency, tiers[0]?.times.requestOverhead.medianMs ?? 0, limits);
  const {best, bound} = searchGoal({space, objective: objectiveMeasure(goal, objective).measure, limits});
  return best === null ? null : {...best, bound};
}

function named<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return (value === undefined ? {} : {[key]: value}) as Partial<Record<K, V>>;
}

function totalsOf(
  goal: MeasuredGoal,
  {tiers: measured, price}: PlacementMeasurements,
  placement: SpacePlacement,
): PlanTotals {
  const {space, latency, tiers, weights} = goal;
  const overheadMs = measured[0]?.times.requestOverhead.medianMs ?? 0;
  const {tierNs, linkNs, sessionNs} = stagesOf(space, latency, placement);
  const bytesOver = (at: number, direction: 'up' | 'down'): number =>
    placement.crossings.reduce(
      (sum, crossing) =>
        crossing.link === at && crossing.direction === direction
          ? sum + (space.tensors[crossing.tensor]?.bytes ?? 0)
          : sum,
      0,
    );
  const weightBytes = (at: number): number =>
    weights.reduce(
      (sum, {bytes, readers}) => (readers.some(layer => placement.tiers[layer] === at) ? sum + bytes : sum),
      0,
    );
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
    ...energyAndMoney(goal, price, placement),
  };
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

function cutOf(
  {space, tiers}: MeasuredGoal,
  {crossings}: SpacePlacement,
  rows: ReadonlyMap<string, TensorRow>,
): Plan['cut'] {
  return crossings.map(({tensor: index, link, direction}) => {
    const tensor = space.tensors[index];
    const ends = space.links[link];
    const row = tensor === undefined ? undefined : rows.get(tensor.name);
    if (tensor === undefined || ends === undefined || !row?.elementType || !row.shape)
      throw new Error(`tensor ${tensor?.name ?? index} crosses a link, yet its form is unknown`);
    const [low, high] = [tiers[ends.from] ?? 'device', tiers[ends.to] ?? 'cloud'];
    return {
      tensor: tensor.name,
      direction,
      from: direction === 'up' ? low : high,
      to: direction === 'up' ? high : low,
      elementType: row.elementType,
      shape: [...row.shape],
      bytes: direction === 'up' ? (row.travel?.bytes ?? tensor.bytes) : tensor.bytes,
    };
  });
}

/** The chosen one, everything on one tier, and what would be best were nothing restricted. */
function alternativesOf(
  goal: MeasuredGoal,
  measurements: PlacementMeasurements,
  best: Solved,
  free: Solved | null,
  measure: Measure,
  totals: (placement: SpacePlacement) => PlanTotals,
): Plan['alternatives'] {
  const {space, tiers} = goal;
  const contraction = contractionOf(space);
  const everywhere = tiers.flatMap((_, at): SpacePlacement[] => {
    const masks = Int32Array.from(space.layers, () => 1 << at);
    const found = cheapestPlacement(space, contraction, measure, masks, 64);
    return found === null ? [] : [found];
  });
  const seen = new Set<string>();
  const names = new Set<string>();
  const placements = [best, ...everywhere, ...(free === null ? [] : [free])].filter(({tiers: key}) => {
    const isNew = !seen.has(key.join());
    seen.add(key.join());
    return isNew;
  });
  const amountOfOne = (placement: SpacePlacement): number =>
    measurements.objective === 'throughput'
      ? stagesOf(space, goal.latency, placement).busiestNs
      : amountOf(space, measure, placement);
  const bestAmount = amountOfOne(best);
  return placements
    .map((placement, order) => ({placement, order, amount: amountOfOne(placement)}))
    .sort((a, b) => Number(a.order !== 0) - Number(b.order !== 0) || a.amount - b.amount)
    .map(({placement, order, amount}) => {
      const plain = nameOfPlacement(goal, placement);
      let name = plain;
      for (let number = 2; names.has(name); number++) name = `${plain} (${number})`;
      names.add(name);
      if (order === 0)
        return {
          name,
          predicted: totals(placement),
          verdict: 'chosen' as const,
          reason: 'the best for the objective of all placements within the limits',
        };
      const broken = brokenRule(goal, placement);
      if (broken !== null)
        return {name, predicted: totals(placement), verdict: 'not-allowed' as const, reason: broken};
      const share = bestAmount === 0 ? 0 : (100 * (amount - bestAmount)) / bestAmount;
      return {
        name,
        predicted: totals(placement),
        verdict: 'slower' as const,
        reason:
          amount === bestAmount
            ? 'as good, with more further up'
            : `worse by ${Number(share.toPrecision(3))} %`,
      };
    });
}

function brokenRule({space, restrictions, limits}: MeasuredGoal, placement: SpacePlacement): string | null {
  const {tiers} = placement;
  for (const {name, layers, tierMask} of restrictions)
    if (layers.some(layer => (tierMask & (1 << (tiers[layer] as number))) === 0)) return name;
  for (const {name, measure, most, extraOf} of limits) {
    if (amountOf(space, measure, placement) + (extraOf?.(placement) ?? 0) > most) return `over ${name}`;
  }
  return null;
}

function nameOfPlacement({space, tiers}: MeasuredGoal, {tiers: placed, crossings}: SpacePlacement): string {
  const [first] = placed;
  if (first !== undefined && placed.every(tier => tier === first)) return `${tiers[first] ?? 'device'}-only`;
  const up = [...new Set(crossings.filter(({direction}) => direction === 'up').map(({tensor}) => tensor))];
  const names = up.map(tensor => space.tensors[tensor]?.name ?? '');
  const shown = names.length <= 3 ? names : [...names.slice(0, 2), `${names.length - 2} more`];
  return `cut at ${shown.join(', ')}`;
}
