import type {Explanation} from '../documents/explanation.ts';
import type {Plan, PlanTotals} from '../documents/plan.ts';
import {amountOfGoal} from '../documents/planPareto.ts';
import {nameOfObjective} from '../documents/planProof.ts';

/** What a plan makes as small as possible, and the unit of what is taken of it. */
export function goalOfPlan({objective, predicted}: Pick<Plan, 'objective' | 'predicted'>): {
  readonly name: string;
  readonly unit: string;
} {
  const name = nameOfObjective(objective);
  switch (objective) {
    case 'latency':
    case 'throughput':
      return {name, unit: 'ms'};
    case 'energy':
      return {name, unit: 'mJ'};
    case 'money':
      return {name, unit: predicted.money?.currency ?? ''};
    default:
      return {name, unit: ''};
  }
}

/** What a placement takes of the plan's objective, from its totals. */
export function amountOfPlan({objective}: Pick<Plan, 'objective'>, totals: PlanTotals): number {
  if (typeof objective === 'string') return amountOfGoal(objective, totals);
  const {latencyPerMs = 0, energyPerMillijoule = 0, moneyPerUnit = 0} = objective;
  return (
    latencyPerMs * totals.latencyMs +
    energyPerMillijoule * (totals.energyMillijoules ?? 0) +
    moneyPerUnit * (totals.money?.amount ?? 0)
  );
}

/** Each ceiling of a plan with what the plan takes of it; `null` where older plans do not say. */
export function limitsOfPlan({constraints, predicted, layers}: Plan): Explanation['limits'] {
  const {maxLatencyMs, maxEnergyMillijoules, maxMoney, memory = [], minDeviceLayers} = constraints;
  return [
    ...(maxLatencyMs === undefined
      ? []
      : [{name: 'latency', unit: 'ms', taken: predicted.latencyMs, allowed: maxLatencyMs}]),
    ...(maxEnergyMillijoules === undefined
      ? []
      : [
          {
            name: 'energy',
            unit: 'mJ',
            taken: predicted.energyMillijoules ?? null,
            allowed: maxEnergyMillijoules,
          },
        ]),
    ...(maxMoney === undefined
      ? []
      : [
          {
            name: 'money',
            unit: maxMoney.currency,
            taken: predicted.money?.amount ?? null,
            allowed: maxMoney.amount,
          },
        ]),
    ...memory.map(({tier, bytes}) => ({
      name: `memory of the ${tier}`,
      unit: 'bytes',
      taken: predicted.tiers?.find(row => row.tier === tier)?.memoryBytes ?? null,
      allowed: bytes,
    })),
    ...(minDeviceLayers === undefined
      ? []
      : [
          {
            name: 'layers elsewhere than on the device',
            unit: '',
            taken: layers.filter(({tier}) => tier !== 'device').length,
            allowed: layers.length - minDeviceLayers,
          },
        ]),
  ];
}
