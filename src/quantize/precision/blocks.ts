/** A weight matrix of `depth` rows that are summed over (K) and `width` columns (N) of its product. */
export interface MatrixLayout {
  readonly depth: number;
  readonly width: number;
  /** False: [depth, width], as MatMul has it; true: [width, depth], as Gemm with transB and the rows of a table. */
  readonly isTransposed: boolean;
}

export interface BlockOptions {
  readonly bits: 4 | 8;
  /** Neighbours along the depth that share a scale; the last block of a column may be shorter. */
  readonly blockSize: number;
  /** The zero point is half the range (8 or 128); otherwise each block has its own. */
  readonly isSymmetric: boolean;
  /** `max`: the extremes of the block are integers. `mse`: the scale of least squared error. */
  readonly search: 'max' | 'mse';
}

/** value = scale of the block · (code − zero point of the block). */
export interface BlockWeights {
  /** One byte per weight, in the order of the matrix. */
  readonly codes: Uint8Array;
  /** [width, blocks] */
  readonly scales: Float32Array;
  /** [width, blocks]; null where all are half the range. */
  readonly zeroPoints: Uint8Array | null;
}

/** Of one block while it is looked for. */
export interface BlockParameters {
  scale: number;
  zeroPoint: number;
}
