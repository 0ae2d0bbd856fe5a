/** Added to a double of at most 51 bits it leaves no place for a fraction: the processor rounds, ties to even. */
export const ROUNDING_TERM = 1.5 * 2 ** 52;

/** The nearest integer, ties to the even one, as QuantizeLinear rounds; |value| < 2^51. */
export function roundHalfEven(value: number): number {
  return value + ROUNDING_TERM - ROUNDING_TERM;
}
