import type {Plan} from '../../documents/plan.ts';
import {tiersOfPlan, type Tier} from '../../documents/planTiers.ts';
import type {ProjectDevice} from '../../documents/project.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {cloudOf, gatewayOf, reachesCloud, type OpenProject} from '../openProject.ts';

/** A tier of a plan as this project has it, the device first, each with how those below it reach it. */
export interface PlacedTier {
  readonly tier: Tier;
  readonly machine: string;
  /** The endpoint as seen from that tier; `null` where that one has no link to it. */
  urlFrom(tier: Tier): string | null;
}

/**
 * The plan's tiers with their machines and links.
 * @throws ExpectedError `plan-stale` when the project has other machines than the plan
 */
export function placedTiersOf(
  {project, file}: Pick<OpenProject, 'project' | 'file'>,
  device: ProjectDevice,
  plan: Plan,
): readonly PlacedTier[] {
  const gateway = gatewayOf(project, device);
  const cloud = cloudOf(project);
  const known: readonly PlacedTier[] = [
    {tier: 'device', machine: device.name, urlFrom: () => null},
    ...(gateway === null
      ? []
      : [
          {
            tier: 'gateway',
            machine: gateway.name,
            urlFrom: (from: Tier) => (from === 'device' ? gateway.url : null),
          } as const,
        ]),
    ...(cloud === null
      ? []
      : [
          {
            tier: 'cloud',
            machine: cloud.name,
            urlFrom: (from: Tier) => {
              if (from === 'gateway') return gateway?.cloudUrl ?? cloud.url;
              return reachesCloud(project, device) ? cloud.url : null;
            },
          } as const,
        ]),
  ];
  return tiersOfPlan(plan).map(({tier, machine}) => {
    // A plan for a class names its representative; the device is whichever of the class it is pushed to.
    const isIt = (one: PlacedTier): boolean => one.tier === 'device' || one.machine === machine;
    const found = known.find(one => one.tier === tier && isIt(one));
    if (found !== undefined) return found;
    throw new ExpectedError(
      'plan-stale',
      `The plan for ${plan.device} uses the ${tier} ${machine}, which ${file} does not have for it.`,
      EXIT.stale,
      {hints: [`edgewise plan ${plan.device}`]},
    );
  });
}
