import type {IntegerType} from '../documents/quantizationScheme.ts';

export interface IntegerLimits {
  readonly lowest: number;
  readonly highest: number;
}

export interface LimitOptions {
  /** As many integers below the zero point as above it: −128 is left out. */
  readonly isSymmetric: boolean;
  /** One less than the type has: half the range, for kernels whose sums of two products saturate. */
  readonly bits?: number;
}

const WIDTHS: Readonly<Record<IntegerType, {readonly bits: number; readonly isSigned: boolean}>> = {
  uint8: {bits: 8, isSigned: false},
  int8: {bits: 8, isSigned: true},
  uint16: {bits: 16, isSigned: false},
  int16: {bits: 16, isSigned: true},
  uint4: {bits: 4, isSigned: false},
  int4: {bits: 4, isSigned: true},
};

/**
 * The smallest and largest integer that quantisation uses. Signed reduced ranges reach both ends (−64 to 64 of int8):
 * 2 · 255 · 64 still fits 16 bits.
 * @see onnxruntime/quantization/quant_utils.py, ONNX_INT_TYPE_RANGE and its symmetric and reduced forms
 */
export function integerLimits(
  elementType: IntegerType,
  {isSymmetric, bits = WIDTHS[elementType].bits}: LimitOptions,
): IntegerLimits {
  const width = WIDTHS[elementType];
  if (bits !== width.bits && bits !== width.bits - 1) throw new RangeError(`${bits} bits of ${elementType}`);
  if (!width.isSigned) return {lowest: 0, highest: 2 ** bits - 1};
  const half = 2 ** (bits - 1);
  if (bits < width.bits) return {lowest: -half, highest: half};
  return {lowest: isSymmetric ? 1 - half : -half, highest: half - 1};
}
