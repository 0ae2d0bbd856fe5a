/** `int8`: weights and activations; `int8-weights` and `int4-weights`: weights only, computed in float. */
export const PRECISIONS = ['fp32', 'fp16', 'int8', 'int8-dynamic', 'int8-weights', 'int4-weights'] as const;

export type Precision = (typeof PRECISIONS)[number];
