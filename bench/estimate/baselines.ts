import type {MeasuredModelWork, PredictLayerMs} from '../../src/estimate/layerTimeModel.ts';

/** What is done where nothing better is at hand: time in proportion to multiply-adds, over all that was measured. */
export function timePerMultiplyAdd(models: readonly MeasuredModelWork[]): PredictLayerMs {
  const layers = models.flatMap(model => model.layers);
  const ms = layers.reduce((sum, layer) => sum + layer.ms, 0);
  const multiplyAdds = layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0);
  return work => (work.multiplyAdds * ms) / multiplyAdds;
}

/**
 * Least squares per operator over multiply-adds and bytes, as Neurosurgeon does it.
 * @see Kang et al. 2017, Neurosurgeon
 */
export function linePerOperator(models: readonly MeasuredModelWork[]): PredictLayerMs {
  const layers = models.flatMap(model => model.layers);
  const lines = new Map<string, readonly number[]>();
  for (const operator of new Set(layers.map(layer => layer.operator))) {
    const rows = layers.filter(layer => layer.operator === operator);
    lines.set(
      operator,
      leastSquares(
        rows.map(featuresOf),
        rows.map(({ms}) => ms),
      ),
    );
  }
  const everything = leastSquares(
    layers.map(featuresOf),
    layers.map(({ms}) => ms),
  );
  return work => {
    const line = lines.get(work.operator) ?? everything;
    return Math.max(
      0,
      featuresOf(work).reduce((sum, value, at) => sum + value * (line[at] ?? 0), 0),
    );
  };
}

type Work = Parameters<PredictLayerMs>[0];

function featuresOf(work: Work): number[] {
  return [1, work.multiplyAdds / 1e6, (work.inputBytes + work.outputBytes + work.weightBytes) / 1e6];
}

/** By the normal equations, with a trace of ridge for columns that are alike. */
function leastSquares(rows: readonly (readonly number[])[], targets: readonly number[]): number[] {
  const size = rows[0]?.length ?? 0;
  const matrix = Array.from({length: size}, (_, row) =>
    Array.from({length: size + 1}, (__, column) =>
      rows.reduce(
        (sum, values, at) =>
          sum + (values[row] ?? 0) * (column === size ? (targets[at] ?? 0) : (values[column] ?? 0)),
        row === column ? 1e-9 : 0,
      ),
    ),
  );
  for (let pivot = 0; pivot < size; pivot++) {
    let largest = pivot;
    for (let row = pivot + 1; row < size; row++)
      if (Math.abs(matrix[row]![pivot]!) > Math.abs(matrix[largest]![pivot]!)) largest = row;
    [matrix[pivot], matrix[largest]] = [matrix[largest]!, matrix[pivot]!];
    for (let row = 0; row < size; row++) {
      if (row === pivot) continue;
      const factor = matrix[row]![pivot]! / matrix[pivot]![pivot]!;
      for (let column = pivot; column <= size; column++)
        matrix[row]![column]! -= factor * matrix[pivot]![column]!;
    }
  }
  return matrix.map((row, at) => row[size]! / row[at]!);
}
