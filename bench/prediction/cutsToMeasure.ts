import type {Plan} from '../../src/documents/plan.ts';
import type {Link} from '../../src/documents/profile.ts';
import type {MadePlan, PlanRequest} from '../../src/workflows/plan.ts';

export interface CutToMeasure {
  /** So many layers, in the plan's order, run on the device. */
  readonly deviceLayers: number;
  /** What the planner chose when nothing was pinned. */
  readonly isChosen: boolean;
}

/** Beside the chosen plan, device-only and cloud-only. */
const RIVALS = 2;
/** Two cuts that differ by less are told apart by nothing. */
const LEAST_DIFFERENCE = 0.01;

/**
 * The chosen plan, device-only, cloud-only and those of the other cuts at chain positions that come nearest to the best
 * by prediction; every other one would have to be mispredicted by more than these differ to be the best after all.
 */
export function cutsToMeasure({plan}: MadePlan, link: Link): CutToMeasure[] {
  const count = plan.layers.length;
  const chosenLayers = prefixOf(plan);
  const costs = Array.from({length: count + 1}, (_, deviceLayers) => ({
    deviceLayers,
    ms: roughMs(plan, link, deviceLayers),
  })).sort((left, right) => left.ms - right.ms);
  const always = [chosenLayers, count, 0];
  const rivals: number[] = [];
  for (const {deviceLayers, ms} of costs) {
    const isNear = [...rivals, ...always].some(
      other => Math.abs(roughMs(plan, link, other ?? 0) / ms - 1) < LEAST_DIFFERENCE,
    );
    if (rivals.length < RIVALS && !always.includes(deviceLayers) && !isNear) rivals.push(deviceLayers);
  }
  const others = [...new Set([count, 0, ...rivals])].filter(deviceLayers => deviceLayers !== chosenLayers);
  return [
    {deviceLayers: chosenLayers ?? -1, isChosen: true},
    ...others.map(deviceLayers => ({deviceLayers, isChosen: false})),
  ];
}

/** `null`: the plan is no cut at a chain position. */
function prefixOf({layers}: Plan): number | null {
  const first = layers.findIndex(({tier}) => tier !== 'device');
  if (first < 0) return layers.length;
  return layers.slice(first).some(({tier}) => tier === 'device') ? null : first;
}

/** Good enough for an order: layers and transfers, without what every cut pays. */
function roughMs({layers, tensors = []}: Plan, link: Link, deviceLayers: number): number {
  const layersMs = layers.reduce(
    (sum, layer, index) => sum + (index < deviceLayers ? layer.deviceMs : (layer.cloudMs ?? 0)),
    0,
  );
  const upBytes = tensors
    .filter(
      ({producer, consumers}) =>
        (producer ?? -1) < deviceLayers && consumers.some(consumer => consumer >= deviceLayers),
    )
    .reduce((sum, {bytes}) => sum + (bytes ?? 0), 0);
  const linkMs = deviceLayers === layers.length ? 0 : link.fixedMs + (1000 * upBytes) / link.upBytesPerSecond;
  return layersMs + linkMs;
}

/** One pin for each layer, so that the planner has nothing left to choose. */
export function pinsForCut(
  {plan}: MadePlan,
  deviceLayers: number,
): PlanRequest['goals']['constraints']['pins'] {
  return plan.layers.map(({name}, index) => ({
    layers: name,
    tier: index < deviceLayers ? 'device' : 'cloud',
  }));
}

/** Every layer where the plan has it. */
export function pinsAs({plan}: MadePlan): PlanRequest['goals']['constraints']['pins'] {
  return plan.layers.map(({name, tier}) => ({layers: name, tier}));
}
