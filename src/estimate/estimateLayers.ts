import {EXIT, ExpectedError} from '../errors.ts';
import {fitLayerTimes, type MeasuredModelWork} from './layerTimeModel.ts';
import type {LayerWork} from './layerWork.ts';
import {leaveOneOut} from './leaveOneOut.ts';
import {studentQuantile} from './studentQuantile.ts';

export interface EstimatedLayers {
  /** In the order given. */
  readonly layers: readonly {readonly name: string; readonly operator: string; readonly ms: number}[];
  /** With the probability `INTERVAL_SHARE`, the whole takes between these many times what is estimated. */
  readonly lowFactor: number;
  readonly highFactor: number;
  /** What the estimate rests on. */
  readonly models: readonly string[];
}

/** How likely an interval holds what is measured later. */
export const INTERVAL_SHARE = 0.9;

/** With two, an interval would be wider than a factor of anything. */
const LEAST_MODELS = 3;

/**
 * Layer times of a model that was not measured on a machine, from other models that were. How far the whole may be off is
 * told by predicting each of those models from the rest.
 * @throws ExpectedError `too-little-measured` (exit 13)
 */
export function estimateLayers(
  models: readonly MeasuredModelWork[],
  layers: readonly LayerWork[],
  machine: string,
): EstimatedLayers {
  if (models.length < LEAST_MODELS)
    throw new ExpectedError(
      'too-little-measured',
      `An estimate for ${machine} takes ${LEAST_MODELS} measured models at least; ${models.length === 0 ? 'none' : `only ${models.map(({model}) => model).join(' and ')}`} ${models.length > 1 ? 'were' : 'was'} measured on machines like it.`,
      EXIT.unsupported,
      {hints: ['Measure this model: edgewise profile', 'Or others, in projects of theirs: edgewise profile']},
    );
  const predict = fitLayerTimes(models);
  const errors = leaveOneOut(models).map(({measuredMs, predictedMs}) => Math.log(measuredMs / predictedMs));
  const meanSquare = errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length;
  const reach =
    studentQuantile((1 + INTERVAL_SHARE) / 2, errors.length) *
    Math.sqrt(meanSquare * (1 + 1 / errors.length));
  return {
    layers: layers.map(work => ({name: work.name, operator: work.operator, ms: predict(work)})),
    lowFactor: Math.exp(-reach),
    highFactor: Math.exp(reach),
    models: models.map(({model}) => model),
  };
}
