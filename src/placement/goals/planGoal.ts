import type {Plan, PlanTotals, Tier} from '../../documents/plan.ts';
import type {DocumentHeader} from '../../documents/writeHeader.ts';
import {bytesOfTensor} from '../measurements.ts';
import type {PlacementMeasurements, TensorRow} from '../measurements.ts';
import {outlookOfPlan} from '../outlook/outlookOfPlan.ts';
import {alternativesOf} from './alternativesOfGoal.ts';
import {cheapestPlacement, contractionOf} from './cheapestPlacement.ts';
import {errorFromGoal} from './goalConflict.ts';
import type {Limit} from './goalSearch.ts';
import {goalFromMeasurements} from './goalFromMeasurements.ts';
import type {MeasuredGoal} from './measuredGoal.ts';
import {createGoalNamer} from './namePlacement.ts';
import {objectiveMeasure} from './objectiveMeasure.ts';
import {pricesOfPlan} from './pricesOfPlan.ts';
import {reasonsForGoal} from './reasonsForGoal.ts';
import type {Restriction} from './restrictions.ts';
import {amountOfGoal, solveGoal} from './solveGoal.ts';
import type {Solved} from './solveGoal.ts';
import type {SpacePlacement} from './space.ts';
import {totalsOf} from './totalsOfGoal.ts';

const NS_PER_MS = 1e6;

/**
 * The plan for one device over any of its tiers, for any objective and within limits: the best placement found, what proves
 * it or how far it can be off, and a reason per layer.
 * @throws ExpectedError `profile-stale` (exit 14), `pin-matches-nothing` (exit 2), `nothing-feasible` (exit 13)
 */
export function planGoal({
  header,
  measurements,
  placed,
  isDraft = false,
}: {
  readonly header: DocumentHeader<'plan'>;
  readonly measurements: PlacementMeasurements;
  /** Where each layer is to be instead of where it is predicted to be the best. */
  readonly placed?: readonly Tier[] | undefined;
  /** Without what would be the best otherwise, which takes longer than all the rest. */
  readonly isDraft?: boolean | undefined;
}): Plan {
  const goal = goalFromMeasurements(measurements);
  const {constraints, objective = 'latency'} = measurements;
  const solve = (restrictions: readonly Restriction[], limits: readonly Limit[]): Solved | null =>
    solveGoal(goal, objective, restrictions, limits);
  const found = solve(goal.restrictions, goal.limits);
  if (found === null) throw errorFromGoal(goal);
  const best = placed === undefined ? found : placementOn(goal, objective, placed, found);
  const nameOf = createGoalNamer(goal);
  nameOf(best);
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
  const reasons = reasonsForGoal(goal, found.tiers, measure, objective, {
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
      ...named('maxMoney', constraints.maxMoney),
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
        reason: best.tiers[index] === found.tiers[index] ? (reasons[index] ?? 'no-cloud') : 'measured',
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
    alternatives: alternativesOf(goal, measurements, best, free, measure, totals, nameOf),
    ...named(
      'outlook',
      isDraft ? undefined : (outlookOfPlan({goal, measurements, best, totals, nameOf}) ?? undefined),
    ),
    ...named('prices', pricesOfPlan(goal, measurements, best, nameOf) ?? undefined),
    refusals: goal.refusals.map(refusal => ({...refusal})),
    isComplete: !goal.refusals.some(({reason}) => reason === 'layer-without-measured-time'),
    isApplyable: true,
  };
}

/** A placement that was settled otherwise; the bound stays that of the best. */
function placementOn(
  goal: MeasuredGoal,
  objective: NonNullable<PlacementMeasurements['objective']>,
  placed: readonly Tier[],
  {bound}: Solved,
): Solved {
  const {space, latency, tiers} = goal;
  const masks = Int32Array.from(placed, tier => 1 << tiers.indexOf(tier));
  const placement = cheapestPlacement(space, contractionOf(space), latency, masks, 64);
  if (placement === null) throw new RangeError('such a placement is not allowed');
  return {...placement, amount: amountOfGoal(goal, objective, placement), bound};
}

function named<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return (value === undefined ? {} : {[key]: value}) as Partial<Record<K, V>>;
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
