import type {Plan} from '../../documents/plan.ts';
import type {ProjectDevice} from '../../documents/project.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {cloudOf, gatewayOf, reachesCloud, type OpenProject} from '../openProject.ts';

type TierName = 'device' | 'gateway' | 'cloud';

/** A tier of a plan as this project has it, the device first, each with how those below it reach it. */
export interface PlacedTier {
  readonly tier: TierName;
  readonly machine: string;
  /** The endpoint as seen from that tier; `null` where that one has no link to it. */
  urlFrom(tier: TierName): string | null;
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
            urlFrom: (from: TierName) => (from === 'device' ? gateway.url : null),
          } as const,
        ]),
    ...(cloud === null
      ? []
      : [
          {
            tier: 'cloud',
            machine: cloud.name,
            urlFrom: (from: TierName) => {
              if (from === 'gateway') return gateway?.cloudUrl ?? cloud.url;
              return reachesCloud(project, device) ? cloud.url : null;
            },
          } as const,
        ]),
  ];
  return tiersOfPlan(plan).map(({tier, machine}) => {
    const found = known.find(one => one.tier === tier && one.machine === machine);
    if (found !== undefined) return found;
    throw new ExpectedError(
      'plan-stale',
      `The plan for ${plan.device} uses the ${tier} ${machine}, which ${file} does not have for it.`,
      EXIT.stale,
      {hints: [`edgewise plan ${plan.device}`]},
    );
  });
}

/** Plans from before there were gateways name a device and a cloud only. */
function tiersOfPlan(plan: Plan): readonly {readonly tier: TierName; readonly machine: string}[] {
  return [
    {tier: 'device', machine: plan.device},
    ...(plan.cloud === null ? [] : [{tier: 'cloud', machine: plan.cloud} as const]),
  ];
}
