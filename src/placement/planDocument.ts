import type {DocumentHeader} from '../documents/writeHeader.ts';
import type {Plan, PlanTotals, Tier} from '../documents/plan.ts';
import {chainCuts} from './chainCuts.ts';
import {choosePlacement} from './choosePlacement.ts';
import type {Placement} from './choosePlacement.ts';
import {costOfPlacement} from './costOfPlacement.ts';
import type {ProblemTier} from './costOfPlacement.ts';
import {
  cutRows,
  createNamer,
  tensorRows,
  sentenceFromViolations,
  totalsFromCost,
} from './describePlacement.ts';
import {planEnvelope} from './envelope/planEnvelope.ts';
import {weightBytesOnTier, weightsOfTiers} from './goals/memoryOfTier.ts';
import {planGoal} from './goals/planGoal.ts';
import {declaredTotals} from './goals/totalsOfGoal.ts';
import {reasonsOfLayers} from './layerReasons.ts';
import {twoTiersOf} from './measurements.ts';
import type {PlacementConstraints, PlacementMeasurements} from './measurements.ts';
import {problemFromMeasurements} from './problemFromMeasurements.ts';
import {withInterval} from './predictionInterval.ts';
import type {PlacementProblem} from './problem.ts';

const NS_PER_MS = 1e6;
const RUNNER_UPS = 3;

export interface PlanRequest {
  readonly header: DocumentHeader<'plan'>;
  readonly measurements: PlacementMeasurements;
  /** Where each layer is to be instead of where it is predicted to be the best; must be allowed. */
  readonly placed?: readonly Tier[];
  /** One of several to compare: what would be the best otherwise is only worked out for those that have an envelope anyway. */
  readonly isDraft?: boolean;
}

/**
 * The plan for one device: the best placement with its proof, a reason per layer, what else was possible and what
 * would change the answer.
 * @throws ExpectedError `profile-stale` (exit 14), `pin-matches-nothing` (exit 2), `nothing-feasible` (exit 13)
 */
export function planDocument(request: PlanRequest): Plan {
  const {header, measurements, placed} = request;
  if (!isPlain(measurements)) return planGoal(request);
  const {constraints, layers} = measurements;
  const {device, cloud, link} = twoTiersOf(measurements);
  const tiers = cloud === null ? measurements.tiers.slice(0, 1) : measurements.tiers;
  const tensors = new Map([...measurements.tensors].map(row => [row.name, row]));
  const {problem, refusals} = problemFromMeasurements({...measurements, tensors: tensors.values()});
  const best = choosePlacement(problem);
  const placement = placed === undefined ? best : placementOn(problem, placed, best);
  const bestUnder = (changed: Partial<PlacementConstraints>): Placement =>
    choosePlacement(
      problemFromMeasurements({
        ...measurements,
        tensors: tensors.values(),
        constraints: {...constraints, ...changed},
      }).problem,
    );
  const hasPins = constraints.pins.length > 0;
  const reasons = reasonsOfLayers(problem, best.tiers, {
    ...(constraints.keepRawInputOnDevice
      ? {withoutRawInputRule: bestUnder({keepRawInputOnDevice: false}).tiers}
      : {}),
    ...(hasPins ? {withoutPins: bestUnder({pins: []}).tiers} : {}),
  });
  const unconstrained =
    constraints.keepRawInputOnDevice || hasPins
      ? bestUnder({keepRawInputOnDevice: false, pins: []}).tiers
      : best.tiers;

  const overheadMs = device.requestOverhead.medianMs;
  const declared = declaredTotals({...measurements, tensors: tensors.values()});
  const weights = weightsOfTiers({...measurements, tensors: tensors.values()});
  const weightBytesOn = (tier: Tier, placed: readonly ProblemTier[]): number => {
    const at = measurements.tiers.findIndex(row => row.tier === tier);
    return weightBytesOnTier(weights[at] ?? [], layer => placed[layer] === tier);
  };
  const totalsOf = (tiers: readonly ProblemTier[]): PlanTotals => {
    const cost = costOfPlacement(problem, tiers);
    const held = {
      deviceWeightBytes: weightBytesOn('device', tiers),
      cloudWeightBytes: weightBytesOn('cloud', tiers),
    };
    return {
      ...totalsFromCost(cost, overheadMs, held, cloud !== null),
      ...(cloud === null ? {} : declared(tiers, cost.crossing)),
    };
  };
  // The chosen one first: should two be called alike, it keeps the plain name.
  const nameOf = createNamer(problem);
  nameOf(placement.tiers);
  const outlook =
    problem.link === null || link === null
      ? null
      : planEnvelope({
          problem,
          problemLink: problem.link,
          chosen: placement.tiers,
          link: link.link,
          overheadMs,
          nameOf,
        });
  const hasUnmeasuredLayers = refusals.some(({reason}) => reason === 'layer-without-measured-time');

  return {
    ...header,
    device: measurements.tiers[0]?.machine ?? '',
    cloud: cloud?.machine ?? null,
    tiers: tiers.map(({tier, machine}) => ({tier, machine})),
    build: measurements.build,
    threads: device.threads,
    objective: 'latency',
    constraints: {
      keepRawInputOnDevice: constraints.keepRawInputOnDevice,
      pins: constraints.pins.map(pin => ({...pin})),
      direction: 'one-way',
    },
    layers: layers.map((layer, index) => {
      const {deviceNs = 0, cloudNs = null} = problem.layers[index] ?? {};
      return {
        name: layer.name,
        operator: layer.operator,
        tier: placement.tiers[index] ?? 'device',
        reason: placement.tiers[index] === best.tiers[index] ? (reasons[index] ?? 'no-cloud') : 'measured',
        deviceMs: deviceNs / NS_PER_MS,
        cloudMs: cloudNs === null ? null : cloudNs / NS_PER_MS,
      };
    }),
    tensors: tensorRows(problem, tensors),
    cut: cutRows(problem, placement, tensors),
    predicted: withInterval(totalsOf(placement.tiers), twoTiersOf(measurements)),
    certificate: {
      unit: 'ns',
      flow: placement.certificate.flowNs,
      cut: placement.certificate.cutNs,
      bound: placement.certificate.flowNs,
      isOptimal: placement.certificate.flowNs === placement.certificate.cutNs,
    },
    alternatives: listAlternatives(
      problem,
      placement,
      [unconstrained, ...(outlook?.changes ?? []).map(({tiers}) => tiers)],
      totalsOf,
      nameOf,
    ),
    ...(outlook === null
      ? {}
      : {
          // What would change a prediction that was overruled says nothing of the plan.
          ...(placed === undefined ? {changes: outlook.changes.map(({change}) => change)} : {}),
          envelope: outlook.envelope,
        }),
    ...(measurements.price === undefined || cloud === null
      ? {}
      : {prices: {...measurements.price, isProven: true}}),
    refusals: refusals.map(refusal => ({...refusal})),
    isComplete: !hasUnmeasuredLayers,
    isApplyable: placement.violations.length === 0,
  };
}

/** A placement that was settled otherwise, with what proves how far it is from the best. */
function placementOn(problem: PlacementProblem, placed: readonly Tier[], best: Placement): Placement {
  const tiers = placed.map((tier): ProblemTier => (tier === 'cloud' ? 'cloud' : 'device'));
  const cost = costOfPlacement(problem, tiers);
  const [violation] = cost.violations;
  if (violation !== undefined || tiers.length !== problem.layers.length)
    throw new RangeError(`such a placement is not allowed: ${violation?.kind ?? 'another number of layers'}`);
  return {...cost, tiers, certificate: {flowNs: best.certificate.flowNs, cutNs: cost.costNs}};
}

/** Whether it is the latency over a device and a cloud that is asked for, and nothing limits it: then there is an envelope too. */
export function isPlain(measurements: PlacementMeasurements): boolean {
  const limits = Object.keys(measurements.constraints).filter(
    key => key !== 'keepRawInputOnDevice' && key !== 'pins' && key !== 'direction',
  );
  return isHeadAndTail(measurements) && limits.length === 0;
}

/** Whether plans are a head on the device and a tail in the cloud, and the fastest is the best: within limits or not. */
export function isHeadAndTail({
  objective = 'latency',
  constraints: {direction = 'one-way'},
  tiers,
  links,
}: PlacementMeasurements): boolean {
  return (
    objective === 'latency' &&
    direction === 'one-way' &&
    tiers.every(({tier}) => tier !== 'gateway') &&
    links.length < 2
  );
}

/** The chosen placement, device-only and cloud-only always; then `others` and the best cuts at chain positions, cheapest first. */
function listAlternatives(
  problem: PlacementProblem,
  placement: Placement,
  others: readonly (readonly ProblemTier[])[],
  totalsOf: (tiers: readonly ProblemTier[]) => PlanTotals,
  nameOf: (tiers: readonly ProblemTier[]) => string,
): Plan['alternatives'] {
  const everywhere = (tier: ProblemTier): ProblemTier[] => problem.layers.map(() => tier);
  const prefix = (deviceLayers: number): ProblemTier[] =>
    problem.layers.map((_, index) => (index < deviceLayers ? 'device' : 'cloud'));
  const runnerUps = chainCuts(problem)
    .filter(cut => cut.isAllowed)
    .sort((left, right) => left.costNs - right.costNs || right.deviceLayers - left.deviceLayers)
    .map(cut => prefix(cut.deviceLayers));

  const first = [placement.tiers, everywhere('device'), everywhere('cloud')];
  const seen = new Set<string>();
  const isNew = (tiers: readonly ProblemTier[]): boolean => {
    const key = tiers.join();
    return !seen.has(key) && seen.add(key) !== undefined;
  };
  const always = first.filter(isNew);
  const byCost = [...others.filter(isNew), ...runnerUps.filter(isNew).slice(0, RUNNER_UPS)]
    .map(tiers => ({tiers, costNs: costOfPlacement(problem, tiers).costNs}))
    .sort((left, right) => left.costNs - right.costNs)
    .map(({tiers}) => tiers);

  return [...always, ...byCost].map(tiers => {
    const name = nameOf(tiers);
    const cost = costOfPlacement(problem, tiers);
    if (tiers === placement.tiers)
      return {
        name,
        predicted: totalsOf(tiers),
        verdict: 'chosen',
        reason:
          placement.certificate.cutNs === placement.certificate.flowNs
            ? 'the least predicted latency of all placements'
            : 'measured to be faster than it was predicted',
      };
    if (cost.violations.length > 0) {
      const cannotRun = cost.violations.some(
        ({kind}) => kind === 'no-cloud' || kind === 'cannot-run-in-cloud',
      );
      const reason = sentenceFromViolations(problem, cost.violations);
      return {name, predicted: cannotRun ? null : totalsOf(tiers), verdict: 'not-allowed', reason};
    }
    const differenceMs = (cost.costNs - placement.costNs) / NS_PER_MS;
    const reason =
      differenceMs === 0
        ? 'as fast, with more in the cloud'
        : `${differenceMs > 0 ? 'slower' : 'predicted to be faster'} by ${Number(Math.abs(differenceMs).toPrecision(3))} ms`;
    return {name, predicted: totalsOf(tiers), verdict: 'slower', reason};
  });
}
