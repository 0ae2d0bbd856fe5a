import {z} from 'zod';

/** In the order in which data rises. */
export const TIERS = ['device', 'gateway', 'cloud'] as const;

export const tier = z.enum(TIERS);

export type Tier = z.infer<typeof tier>;

interface PlanWithTiers {
  readonly device: string;
  readonly cloud: string | null;
  readonly tiers?: readonly {readonly tier: Tier; readonly machine: string}[] | undefined;
  readonly layers: readonly {readonly tier: Tier}[];
}

/** The tiers of a plan with their machines, also of one that was made before plans named them. */
export function tiersOfPlan({
  device,
  cloud,
  tiers,
}: Pick<PlanWithTiers, 'device' | 'cloud' | 'tiers'>): readonly {
  readonly tier: Tier;
  readonly machine: string;
}[] {
  if (tiers !== undefined) return tiers;
  const first = {tier: 'device', machine: device} as const;
  return cloud === null ? [first] : [first, {tier: 'cloud', machine: cloud}];
}

/** That the tiers are in their order, each once, and that layers are on none that the plan does not name. */
export function checkPlanTiers(plan: PlanWithTiers, context: z.core.$RefinementCtx): void {
  const refuse = (path: (string | number)[], input: unknown, expected: string): void =>
    context.addIssue({code: 'custom', path, message: `expected ${expected}`, input});
  plan.tiers?.forEach(({tier}, at) => {
    const before = plan.tiers?.[at - 1];
    if (at === 0 && tier !== 'device') refuse(['tiers', 0, 'tier'], tier, '"device", where inputs lie');
    if (before !== undefined && TIERS.indexOf(tier) <= TIERS.indexOf(before.tier))
      refuse(['tiers', at, 'tier'], tier, `a tier above "${before.tier}"`);
  });
  const known = new Set(tiersOfPlan(plan).map(({tier}) => tier));
  plan.layers.forEach(({tier}, at) => {
    if (known.has(tier)) return;
    const names = [...known].map(name => `"${name}"`).join(' or ');
    refuse(['layers', at, 'tier'], tier, `a tier that the plan has: ${names}`);
  });
}
