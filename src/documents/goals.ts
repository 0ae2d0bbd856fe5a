import {z} from 'zod';
import type {PlanObjective} from './plan.ts';
import {tier} from './planTiers.ts';
import {DURATION, ENERGY, MEMORY, PER_ENERGY, PER_TIME} from './quantities.ts';
import {quantityField, quantityOf} from './quantityField.ts';

const MONEY = /^(\d+(?:\.\d+)?(?:e-?\d+)?) ([A-Z]{3})$/;
const PER_MONEY = /^(\d+(?:\.\d+)?) \/([A-Z]{3})$/;
const EGRESS = /^(\d+(?:\.\d+)?) ([A-Z]{3})\/([MGT]i?B)$/;

const BYTES_PER: Readonly<Record<string, number>> = {
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

export const moneyField = z
  .string()
  .regex(MONEY, 'expected an amount and its currency, such as "0.0001 EUR"');

export const egressField = z
  .string()
  .regex(EGRESS, 'expected an amount, its currency and what it is for, such as "0.09 USD/GB"')
  .describe('For what leaves it, such as "0.09 USD/GB".');

/** What plans make as small as possible: one quantity, or several by weight. */
export const objectiveSchema = z.union([
  z.enum(['latency', 'energy', 'money', 'throughput']),
  z.strictObject({
    latency: quantityField(PER_TIME).optional(),
    energy: quantityField(PER_ENERGY).optional(),
    money: z
      .string()
      .regex(PER_MONEY, 'expected a weight for each unit of a currency, such as "100 /USD"')
      .optional(),
  }),
]);

/** What every placement keeps to. */
export const constraintsSchema = z.strictObject({
  keepRawInputOnDevice: z
    .boolean()
    .optional()
    .describe(
      'The input, and whatever still is the input (a view, a cast, a normalised copy), stays on the device.',
    ),
  pins: z
    .array(
      z.strictObject({
        layers: z.string().min(1).describe('A layer, or a pattern in which * stands for any letters.'),
        tier,
      }),
    )
    .optional(),
  oneWay: z
    .boolean()
    .optional()
    .describe('What layers read only rises; false lets it come back down. True when left out.'),
  maxLatency: quantityField(DURATION).optional(),
  maxEnergy: quantityField(ENERGY).optional().describe('Of the device, for one request, such as "50 mJ".'),
  maxMoney: moneyField.optional().describe('Of the cloud, for one request, such as "0.0001 EUR".'),
  memory: z
    .strictObject({
      device: quantityField(MEMORY).optional(),
      gateway: quantityField(MEMORY).optional(),
      cloud: quantityField(MEMORY).optional(),
    })
    .optional()
    .describe('What weights, activations and buffers may take on each tier, such as {device: "64 MiB"}.'),
  minDeviceLayers: z.int().nonnegative().optional(),
  regions: z.array(z.string().min(1)).min(1).optional().describe('The regions that the cloud may lie in.'),
});

export interface Money {
  readonly amount: number;
  readonly currency: string;
}

/** @throws Error for a text that `moneyField` would not have let through */
export function moneyFromText(text: string): Money {
  const [, amount, currency] = MONEY.exec(text) ?? [];
  if (amount === undefined || currency === undefined) throw new Error(`"${text}" is no amount of money`);
  return {amount: Number(amount), currency};
}

/** For 10⁹ bytes. @throws Error for a text that `egressField` would not have let through */
export function egressFromText(text: string): Money {
  const [, amount, currency, unit] = EGRESS.exec(text) ?? [];
  const bytes = BYTES_PER[unit ?? ''];
  if (amount === undefined || currency === undefined || bytes === undefined)
    throw new Error(`"${text}" is no price of bytes`);
  return {amount: (Number(amount) * 1e9) / bytes, currency};
}

/** Of a weighted sum that weighs money. */
export function currencyOfObjective(
  objective: z.infer<typeof objectiveSchema> | undefined,
): string | undefined {
  if (typeof objective !== 'object' || objective.money === undefined) return undefined;
  return PER_MONEY.exec(objective.money)?.[2];
}

/** In the units that plans count in. */
export function objectiveFromProject(objective: z.infer<typeof objectiveSchema> | undefined): PlanObjective {
  if (objective === undefined || typeof objective === 'string') return objective ?? 'latency';
  const {latency, energy, money} = objective;
  return {
    ...(latency === undefined ? {} : {latencyPerMs: quantityOf(latency, PER_TIME)}),
    ...(energy === undefined ? {} : {energyPerMillijoule: quantityOf(energy, PER_ENERGY)}),
    ...(money === undefined ? {} : {moneyPerUnit: Number(PER_MONEY.exec(money)?.[1])}),
  };
}
