/** One measured exchange: bytes each way and the time besides what the server spent. */
export interface LinkSample {
  readonly upBytes: number;
  readonly downBytes: number;
  readonly ms: number;
}

export interface LinkFit {
  /** ms = fixedMs + 1000 up / upBytesPerSecond + 1000 down / downBytesPerSecond. */
  readonly fixedMs: number;
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
  /** Root mean square of measured less fitted. */
  readonly residualMs: number;
}

/** 10 GB/s: a slope that cannot be told from zero is reported as this. */
const LEAST_MS_PER_BYTE = 1e-7;

/**
 * Least squares, each sample weighted by the inverse square of its time: the error matters in proportion, else the
 * largest transfers would decide the fixed part alone. No coefficient is negative.
 */
export function fitLink(samples: readonly LinkSample[]): LinkFit {
  if (samples.length < 3)
    throw new RangeError(`a link is fitted to at least 3 samples, not ${samples.length}`);
  const lower = [0, LEAST_MS_PER_BYTE, LEAST_MS_PER_BYTE];
  const rows = samples.map(({upBytes, downBytes, ms}) => ({
    x: [1, upBytes, downBytes],
    y: ms,
    weight: 1 / Math.max(ms, 0.01) ** 2,
  }));
  const solution = bestWithinBounds(rows, lower);
  const [fixedMs = 0, upMsPerByte = LEAST_MS_PER_BYTE, downMsPerByte = LEAST_MS_PER_BYTE] = solution;
  const squares = samples.map(
    ({upBytes, downBytes, ms}) => (ms - fixedMs - upBytes * upMsPerByte - downBytes * downMsPerByte) ** 2,
  );
  return {
    fixedMs,
    upBytesPerSecond: 1000 / upMsPerByte,
    downBytesPerSecond: 1000 / downMsPerByte,
    residualMs: Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / samples.length),
  };
}

interface Row {
  readonly x: readonly number[];
  readonly y: number;
  readonly weight: number;
}

/** Three unknowns have eight sets of active bounds: try them all, keep the best that is allowed. */
function bestWithinBounds(rows: readonly Row[], lower: readonly number[]): number[] {
  let best: {solution: number[]; loss: number} | null = null;
  for (let active = 0; active < 2 ** lower.length; active++) {
    const free = lower.map((_, k) => k).filter(k => (active & (1 << k)) === 0);
    const solution = solveFree(rows, lower, free);
    if (solution === null || solution.some((value, k) => value < lower[k]! - 1e-12)) continue;
    const loss = rows.reduce((sum, {x, y, weight}) => sum + weight * (y - dot(x, solution)) ** 2, 0);
    if (best === null || loss < best.loss) best = {solution, loss};
  }
  return best?.solution ?? [...lower];
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, k) => sum + value * b[k]!, 0);
}

/** Normal equations for the free unknowns, the others held at their bounds; `null` when the samples do not tell them apart. */
function solveFree(rows: readonly Row[], lower: readonly number[], free: readonly number[]): number[] | null {
  const solution = [...lower];
  // Columns are brought to a common size first: bytes squared would drown the constant.
  const scales = free.map(
    k => Math.sqrt(rows.reduce((sum, {x, weight}) => sum + weight * x[k]! ** 2, 0)) || 1,
  );
  const held = (x: readonly number[]) =>
    x.reduce((sum, value, k) => sum + (free.includes(k) ? 0 : value * lower[k]!), 0);
  const matrix = free.map((k, i) => [
    ...free.map((l, j) =>
      rows.reduce((sum, {x, weight}) => sum + (weight * x[k]! * x[l]!) / (scales[i]! * scales[j]!), 0),
    ),
    rows.reduce((sum, {x, y, weight}) => sum + (weight * x[k]! * (y - held(x))) / scales[i]!, 0),
  ]);
  for (let column = 0; column < free.length; column++) {
    const pivot = free
      .map((_, i) => i)
      .slice(column)
      .reduce((a, b) => (Math.abs(matrix[b]![column]!) > Math.abs(matrix[a]![column]!) ? b : a));
    [matrix[column], matrix[pivot]] = [matrix[pivot]!, matrix[column]!];
    if (Math.abs(matrix[column]![column]!) < 1e-9) return null;
    for (let row = 0; row < free.length; row++) {
      if (row === column) continue;
      const factor = matrix[row]![column]! / matrix[column]![column]!;
      matrix[row] = matrix[row]!.map((value, k) => value - factor * matrix[column]![k]!);
    }
  }
  free.forEach((k, i) => (solution[k] = matrix[i]![free.length]! / matrix[i]![i]! / scales[i]!));
  return solution;
}
