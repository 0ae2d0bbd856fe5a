/** Steps of making a quantised model good without training; each can be switched off. */
export const IMPROVEMENTS = ['equalization', 'smoothing', 'ranges', 'rounding', 'bias-correction'] as const;

export type Improvement = (typeof IMPROVEMENTS)[number];
