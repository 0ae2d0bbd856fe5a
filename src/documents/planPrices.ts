import {z} from 'zod';
import {totals} from './planTotals.ts';

const price = z.number().nonnegative();

/** What the cloud was declared to cost when the plan was made, and what would be the best at other prices of an hour. */
export const planPricesSchema = z.strictObject({
  perHour: price,
  /** For what leaves the cloud, by 10⁹ bytes. */
  egressPerGigabyte: price,
  currency: z.string(),
  /**
   * Ascending and without gaps, from nothing on; absent where the objective does not weigh money, so that no price changes the
   * answer, or where a ceiling of money makes other placements allowed at other prices.
   */
  pieces: z
    .array(
      z.strictObject({
        fromPerHour: price,
        /** `null`: for every higher price too. */
        toPerHour: price.nullable(),
        /** As the alternatives are named. */
        name: z.string(),
        /** At the price that was declared. */
        predicted: totals,
      }),
    )
    .nonempty()
    .optional(),
  /** The pieces are exact among all placements. */
  isProven: z.boolean(),
});

export type PlanPrices = z.infer<typeof planPricesSchema>;

/** What a request costs at another price of an hour: the time in the cloud is paid by the hour, what leaves it by the byte. */
export function moneyAtPrice(
  {money, downBytes}: {readonly money?: {readonly amount: number} | undefined; readonly downBytes: number},
  {perHour, egressPerGigabyte}: Pick<PlanPrices, 'perHour' | 'egressPerGigabyte'>,
  otherPerHour: number,
): number {
  const egress = (downBytes * egressPerGigabyte) / 1e9;
  const hourly = Math.max(0, (money?.amount ?? 0) - egress);
  return egress + (perHour === 0 ? 0 : (hourly * otherPerHour) / perHour);
}
