import {fitLayerTimes, type MeasuredModelWork, type PredictLayerMs} from './layerTimeModel.ts';

export interface HeldOutModel {
  readonly model: string;
  readonly measuredMs: number;
  readonly predictedMs: number;
  readonly layers: readonly {readonly measuredMs: number; readonly predictedMs: number}[];
}

/** Each model predicted from those that are of another group; `groupOf` says which must not help one another. */
export function leaveOneOut<M extends MeasuredModelWork>(
  models: readonly M[],
  groupOf: (model: M) => string = ({model}) => model,
  fit: (models: readonly M[]) => PredictLayerMs = fitLayerTimes,
): HeldOutModel[] {
  const predictors = new Map<string, PredictLayerMs>();
  return models.flatMap(held => {
    const group = groupOf(held);
    const others = models.filter(other => groupOf(other) !== group);
    if (others.length === 0) return [];
    const predict = predictors.get(group) ?? fit(others);
    predictors.set(group, predict);
    const layers = held.layers.map(work => ({measuredMs: work.ms, predictedMs: predict(work)}));
    return [
      {
        model: held.model,
        measuredMs: layers.reduce((sum, {measuredMs}) => sum + measuredMs, 0),
        predictedMs: layers.reduce((sum, {predictedMs}) => sum + predictedMs, 0),
        layers,
      },
    ];
  });
}
