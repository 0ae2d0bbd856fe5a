import type {LayerWork} from './layerWork.ts';

/** How fast a machine does each kind of work, as a first guess that holds outside of what was measured too. */
export interface Roofline {
  /** Of any layer. */
  readonly fixedMs: number;
  readonly bytesPerMs: number;
  readonly multiplyAddsPerMs: Readonly<Record<WorkKind, number>>;
}

export type WorkKind = 'dense-convolution' | 'depthwise-convolution' | 'product';

export function kindOfWork({operator, groups, inputChannelsPerGroup}: LayerWork): WorkKind {
  if (!operator.includes('Conv')) return 'product';
  return groups > 1 && inputChannelsPerGroup <= 1 ? 'depthwise-convolution' : 'dense-convolution';
}

/** Milliseconds: the slower of computing and moving bytes, and what any layer costs. */
export function rooflineMs(work: LayerWork, roofline: Roofline): number {
  const bytes = work.inputBytes + work.outputBytes + work.weightBytes;
  const computing = work.multiplyAdds / roofline.multiplyAddsPerMs[kindOfWork(work)];
  return roofline.fixedMs + Math.max(computing, bytes / roofline.bytesPerMs);
}

/**
 * The roofline whose weighted mean absolute error in log time is least, found one rate at a time over ever finer steps. A
 * kind of work that no row has gets the rate of dense convolutions.
 * @see Williams, Waterman and Patterson 2009, Roofline
 */
export function fitRoofline(
  rows: readonly {readonly work: LayerWork; readonly ms: number}[],
  weights: readonly number[],
): Roofline {
  const errorOf = (roofline: Roofline): number =>
    rows.reduce(
      (sum, {work, ms}, index) =>
        sum + (weights[index] ?? 0) * Math.abs(Math.log(rooflineMs(work, roofline) / ms)),
      0,
    );
  const kinds = new Set(rows.filter(({work}) => work.multiplyAdds > 0).map(({work}) => kindOfWork(work)));
  const set: readonly ((roofline: Roofline, factor: number) => Roofline)[] = [
    (roofline, factor) => ({...roofline, fixedMs: roofline.fixedMs * factor}),
    (roofline, factor) => ({...roofline, bytesPerMs: roofline.bytesPerMs * factor}),
    ...[...kinds].map(kind => (roofline: Roofline, factor: number) => ({
      ...roofline,
      multiplyAddsPerMs: {
        ...roofline.multiplyAddsPerMs,
        [kind]: roofline.multiplyAddsPerMs[kind] * factor,
      },
    })),
  ];
  // A microsecond a layer, ten gigabytes and ten thousand million multiply-adds a second: any CPU is within a thousand of it.
  let best: Roofline = {
    fixedMs: 1e-3,
    bytesPerMs: 1e7,
    multiplyAddsPerMs: {'dense-convolution': 1e7, 'depthwise-convolution': 1e7, product: 1e7},
  };
  let error = errorOf(best);
  for (const step of [8, 2, 1.3, 1.08, 1.02])
    for (let isBetter = true; isBetter;) {
      isBetter = false;
      for (const change of set)
        for (const factor of [step, 1 / step]) {
          const candidate = change(best, factor);
          const candidateError = errorOf(candidate);
          if (candidateError < error - 1e-9) {
            best = candidate;
            error = candidateError;
            isBetter = true;
          }
        }
    }
  const dense = best.multiplyAddsPerMs['dense-convolution'];
  const rate = (kind: WorkKind): number => (kinds.has(kind) ? best.multiplyAddsPerMs[kind] : dense);
  return {
    ...best,
    multiplyAddsPerMs: {
      'dense-convolution': dense,
      'depthwise-convolution': rate('depthwise-convolution'),
      product: rate('product'),
    },
  };
}
