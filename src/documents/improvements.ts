/** Steps of making a quantised model good without training, in their order; each can be switched off. */
export const IMPROVEMENTS = [
  'float-ends',
  'equalization',
  'smoothing',
  'ranges',
  'narrowing',
  'rounding',
  'bias-correction',
] as const;

export type Improvement = (typeof IMPROVEMENTS)[number];
