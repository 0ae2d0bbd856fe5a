import type {z} from 'zod';

/** The keyword of a number's JSON Schema that keeps it from being rounded when it is printed. */
export const EXACT = 'x-exact';

/** A number that takes part in computing what has to come out the same to the bit: printed with all of its digits. */
export function exact(number: z.ZodNumber): z.ZodNumber {
  return number.meta({[EXACT]: true});
}
