import type {ExplainedGroup, Explanation, RunnerUp} from '../documents/explanation.ts';
import type {Plan} from '../documents/plan.ts';
import {tierBuildsOf} from '../documents/tierBuilds.ts';
import {amountOfPlan, goalOfPlan, limitsOfPlan} from './goalOfPlan.ts';

/**
 * Why each layer is where it is, what the runners-up would cost and what would change the answer, from the plan
 * alone. Neighbouring layers with the same tier and reason are one group; runners-up come cheapest first.
 */
export function explainPlan(plan: Plan): Explanation {
  const chosen = plan.alternatives.find(({verdict}) => verdict === 'chosen');
  const {latencyMs, linkMs, interval90} = plan.predicted;
  const builds = tierBuildsOf(plan.precision);
  return {
    device: plan.device,
    cloud: plan.cloud,
    chosen: {
      name: chosen?.name ?? 'this plan',
      latencyMs,
      ...(interval90 === undefined ? {} : {interval90}),
    },
    goal: {...goalOfPlan(plan), amount: amountOfPlan(plan, plan.predicted)},
    limits: limitsOfPlan(plan),
    ...(Object.keys(builds).length === 0 ? {} : {builds}),
    groups: groupLayers(plan.layers),
    crossing: {
      tensors: plan.cut.map(({tensor, direction, bytes}) => ({name: tensor, direction, bytes})),
      linkMs,
    },
    runnerUps: plan.alternatives
      .filter(({verdict}) => verdict !== 'chosen')
      .map(({name, predicted, verdict, reason}): RunnerUp =>
        predicted === null || verdict === 'not-allowed'
          ? {name, latencyMs: null, amount: null, differenceMs: null, reason}
          : {
              name,
              latencyMs: predicted.latencyMs,
              amount: amountOfPlan(plan, predicted),
              differenceMs: Math.max(0, predicted.latencyMs - latencyMs),
              reason,
            },
      )
      .sort((left, right) => (left.amount ?? Infinity) - (right.amount ?? Infinity) || 0),
    alternatives: plan.alternatives.map(alternative => ({...alternative})),
    changes: (plan.changes ?? []).map(change => ({...change})),
    envelope: plan.envelope ?? null,
    ...(plan.outlook === undefined ? {} : {outlook: plan.outlook}),
    ...(plan.verified === undefined ? {} : {verified: plan.verified}),
  };
}

interface GroupUnderWay extends ExplainedGroup {
  layers: string[];
  ms: number;
  elsewhereMs: number | null;
}

function groupLayers(layers: Plan['layers']): ExplainedGroup[] {
  const groups: GroupUnderWay[] = [];
  for (const {name, tier, reason, deviceMs, cloudMs} of layers) {
    const ms = tier === 'device' ? deviceMs : (cloudMs ?? 0);
    const elsewhereMs = tier === 'device' ? cloudMs : deviceMs;
    const last = groups.at(-1);
    if (last?.tier !== tier || last.reason !== reason) {
      groups.push({layers: [name], tier, reason, ms, elsewhereMs});
      continue;
    }
    last.layers.push(name);
    last.ms += ms;
    last.elsewhereMs =
      last.elsewhereMs === null || elsewhereMs === null ? null : last.elsewhereMs + elsewhereMs;
  }
  return groups;
}
