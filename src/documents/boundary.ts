import {z} from 'zod';
import {exact} from './exactNumber.ts';

/**
 * How the values of a tensor travel where it is not as they are: `fp16` rounded to half precision, `int8` as 8-bit integers
 * with one scale and zero point, `pixels` as the bytes of the picture that the values were computed from.
 */
export const BOUNDARY_PRECISIONS = ['fp16', 'int8', 'pixels'] as const;

export type BoundaryPrecision = (typeof BOUNDARY_PRECISIONS)[number];

/** value = (pixel · numerator / denominator − mean) / std, in double precision, rounded once; mean and std per channel. */
const pixelValues = z.strictObject({
  numerator: exact(z.number().positive()),
  denominator: exact(z.number().positive()),
  mean: z.array(exact(z.number())).min(1),
  std: z.array(exact(z.number().positive())).min(1),
  /** Of the tensor; ignored where there is one mean for all. */
  channelAxis: z.int().nonnegative(),
});

/** What a tensor that crosses may say of how it travels; as it is, where it says nothing. */
export const travelFields = {
  precision: z.enum(BOUNDARY_PRECISIONS).optional(),
  /** Of int8: value = scale · (integer − zeroPoint), integers from 0 to 255. */
  scale: exact(z.number().positive()).optional(),
  zeroPoint: z.int().min(0).max(255).optional(),
  /** Of pixels. */
  pixels: pixelValues.optional(),
  /** Whether the bytes are packed without a loss, and fewer again by what was measured on samples. */
  isPacked: z.boolean().optional(),
};

export type PixelValues = z.infer<typeof pixelValues>;

export type BoundaryEncoding =
  | {readonly precision: 'fp16'}
  | {readonly precision: 'int8'; readonly scale: number; readonly zeroPoint: number}
  | {readonly precision: 'pixels'; readonly pixels: PixelValues};

interface TravelRow {
  readonly precision?: BoundaryPrecision | undefined;
  readonly scale?: number | undefined;
  readonly zeroPoint?: number | undefined;
  readonly pixels?: PixelValues | undefined;
  readonly isPacked?: boolean | undefined;
}

/** `null`: as it is. @throws RangeError when what the precision needs is missing, which the schema refuses */
export function encodingOfRow({precision, scale, zeroPoint, pixels}: TravelRow): BoundaryEncoding | null {
  switch (precision) {
    case undefined:
      return null;
    case 'fp16':
      return {precision};
    case 'int8':
      if (scale === undefined || zeroPoint === undefined) throw new RangeError('int8 without its scale');
      return {precision, scale, zeroPoint};
    case 'pixels':
      if (pixels === undefined) throw new RangeError('pixels without what their values are');
      return {precision, pixels};
  }
}

interface TravellingCut {
  readonly cut: readonly (TravelRow & {readonly direction: string})[];
}

/** Each precision says all of what it needs and nothing else; outputs come back as they are. */
export function checkBoundary({cut}: TravellingCut, context: z.core.$RefinementCtx): void {
  const needs = {fp16: [], int8: ['scale', 'zeroPoint'], pixels: ['pixels']} as const;
  const fields = ['scale', 'zeroPoint', 'pixels'] as const;
  cut.forEach((row, at) => {
    const refuse = (field: string, input: unknown, expected: string): void =>
      context.addIssue({
        code: 'custom',
        path: ['cut', at, field],
        message: `expected ${expected}`,
        input,
      });
    if (row.direction === 'down' && row.isPacked === true)
      refuse('isPacked', row.isPacked, 'nothing, for answers are not packed');
    if (row.direction === 'down' && row.precision !== undefined)
      refuse('precision', row.precision, 'none, for outputs come back as they are');
    const needed: readonly string[] = row.precision === undefined ? [] : needs[row.precision];
    for (const field of fields) {
      if (needed.includes(field) && row[field] === undefined)
        refuse(field, row[field], `a value, for the tensor travels as ${row.precision ?? ''}`);
      if (!needed.includes(field) && row[field] !== undefined)
        refuse(field, row[field], `none, for the tensor travels ${row.precision ?? 'as it is'}`);
    }
  });
}
