/** @see IEEE 754-2019, binary16: 1 sign, 5 exponent and 10 fraction bits */
export function floatFromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bits of the nearest half-precision number, ties to even; too large ones become infinite. */
export function halfFromFloat(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  // Halfway between the largest half-precision number, 65504, and the step after it.
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude));
  // Math.log2 may be off by one next to a power of two; then the fraction shows it.
  const start = magnitude < 2 ** exponent && exponent > -14 ? exponent - 1 : exponent;
  const steps = roundTiesToEven(magnitude / 2 ** (start - 10));
  // A fraction that rounds up to the next power of two carries into the exponent by itself.
  return sign | (steps < 1024 && start === -14 ? steps : ((start + 15) << 10) + (steps - 1024));
}

function roundTiesToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
