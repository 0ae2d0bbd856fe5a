import type {Plan, Tier} from '../documents/plan.ts';
import {tierBuildsOf, tierPrecisionsOf} from '../documents/tierBuilds.ts';

/** What became of one plan from one state of the repository to another. */
export interface PlanChange {
  /** Of its class, or of its device. */
  readonly plan: string;
  /** `measured-again`: it decides the same, from other measurements or another model. */
  readonly kind: 'new' | 'gone' | 'changed' | 'measured-again' | 'unchanged';
  readonly before: PlanSummary | null;
  readonly after: PlanSummary | null;
  /** Layers that both plans have, in the new one's order. */
  readonly movedLayers: readonly {readonly layer: string; readonly from: Tier; readonly to: Tier}[];
}

export interface PlanSummary {
  readonly devices: number;
  readonly placement: string;
  readonly latencyMs: number;
  readonly upBytes: number;
  readonly downBytes: number;
}

/**
 * What was planned before beside what is planned now, both as read from their files, by the name of class or device;
 * sorted by that name.
 */
export function comparePlans(
  before: ReadonlyMap<string, Plan>,
  after: ReadonlyMap<string, Plan>,
): PlanChange[] {
  return [...new Set([...before.keys(), ...after.keys()])].toSorted().map(plan => {
    const old = before.get(plan) ?? null;
    const now = after.get(plan) ?? null;
    return {
      plan,
      kind: kindOfChange(old, now),
      before: old === null ? null : summarizePlan(old),
      after: now === null ? null : summarizePlan(now),
      movedLayers: old === null || now === null ? [] : moves(old, now),
    };
  });
}

function kindOfChange(before: Plan | null, after: Plan | null): PlanChange['kind'] {
  if (before === null) return 'new';
  if (after === null) return 'gone';
  if (!decideAlike(before, after)) return 'changed';
  return inputsOf(before) === inputsOf(after) ? 'unchanged' : 'measured-again';
}

function inputsOf({madeFrom}: Plan): string {
  return JSON.stringify(Object.entries(madeFrom).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

/**
 * A plan that is only predicted decides like the measured one before where that was measured against this very prediction: what
 * was measured holds until something else is predicted.
 */
function decideAlike(before: Plan, after: Plan): boolean {
  if (questionOf(before) !== questionOf(after)) return false;
  if (decisionsOf(before) === decisionsOf(after)) return true;
  const isOverruled = before.verified?.isChanged === true && after.verified === undefined;
  return isOverruled && predictionOf(before) === predictionOf(after);
}

/** Which placement was predicted to be the best, and how what crosses was to travel. */
function predictionOf({verified, alternatives, precision}: Plan): string {
  const {name, device, gateway, cloud, boundary, input, isPacked} = verified?.candidates[0] ?? {
    name: alternatives.find(({verdict}) => verdict === 'chosen')?.name,
    ...tierPrecisionsOf(precision),
    boundary: precision?.boundary,
    input: precision?.input,
    isPacked: precision?.isPacked,
  };
  return JSON.stringify([name, device, gateway, cloud, boundary, input, isPacked === true]);
}

/** For whom, over what and within what. */
function questionOf({device, devices, cloud, tiers, threads, constraints, objective}: Plan): string {
  return JSON.stringify({
    devices: devices?.toSorted() ?? [device],
    cloud,
    tiers: tiers?.map(({tier, machine}) => [tier, tier === 'device' ? '' : machine]),
    threads,
    constraints,
    objective,
  });
}

/** What is carried out on devices; none of what was measured or predicted. */
function decisionsOf({layers, cut, precision}: Plan): string {
  const builds = tierBuildsOf(precision);
  return JSON.stringify({layers: layers.map(({name, tier}) => [name, tier]), cut, builds});
}

function summarizePlan({devices, alternatives, predicted}: Plan): PlanSummary {
  return {
    devices: devices?.length ?? 1,
    placement: alternatives.find(({verdict}) => verdict === 'chosen')?.name ?? '-',
    latencyMs: predicted.latencyMs,
    upBytes: predicted.upBytes,
    downBytes: predicted.downBytes,
  };
}

function moves(before: Plan, after: Plan): PlanChange['movedLayers'] {
  const tiers = new Map(before.layers.map(({name, tier}) => [name, tier]));
  return after.layers.flatMap(({name, tier}) => {
    const from = tiers.get(name);
    return from === undefined || from === tier ? [] : [{layer: name, from, to: tier}];
  });
}
