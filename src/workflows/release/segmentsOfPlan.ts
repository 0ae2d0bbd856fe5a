import type {Plan} from '../../documents/plan.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {Graph} from '../../model/graph.ts';
import {orderSegments, type Segment} from '../../model/orderSegments.ts';

/**
 * The plan's layers as segments in the order in which they run; tiers by index into `tiers`.
 * @throws ExpectedError `plan-stale` when the plan names layers that the build does not have, or not all
 */
export function segmentsOfPlan(
  plan: Plan,
  graph: Graph,
  tiers: readonly {readonly tier: string}[],
): readonly Segment[] {
  const tierOf = new Map(plan.layers.map(({name, tier}) => [name, tier]));
  if (tierOf.size !== graph.layers.length || graph.layers.some(({name}) => !tierOf.has(name))) {
    throw new ExpectedError(
      'plan-stale',
      `The plan for ${plan.device} places ${tierOf.size} layers; the build has ${graph.layers.length}.`,
      EXIT.stale,
      {hints: ['edgewise plan']},
    );
  }
  const indices = graph.layers.map(({name}) => tiers.findIndex(({tier}) => tier === tierOf.get(name)));
  const homeless = graph.layers[indices.indexOf(-1)];
  if (homeless !== undefined) {
    throw new ExpectedError(
      'plan-stale',
      `The plan for ${plan.device} has ${homeless.name} on a tier that it does not name: ${tierOf.get(homeless.name)}.`,
      EXIT.stale,
      {hints: ['edgewise plan']},
    );
  }
  return orderSegments(graph, indices);
}

/** Whether a head on the device and a tail in the cloud, either of which may be missing, are all there is. */
export function isHeadAndTail(
  segments: readonly Segment[],
  tiers: readonly {readonly tier: string}[],
): boolean {
  const order = segments.map(({tier}) => tiers[tier]?.tier).join(' ');
  return ['', 'device', 'cloud', 'device cloud'].includes(order);
}
