/** What `edgewise evaluate` shows: the shape of a result, not of a file. */
export interface Evaluation {
  /** As they were named. */
  readonly build: string;
  readonly against: string;
  readonly samples: number;
  readonly sizeBytes: number;
  readonly originalSizeBytes: number;
  readonly accuracy: {
    readonly metric: string;
    /** `null` where it is not finite: sqnr of equal outputs. */
    readonly original: number | null;
    readonly build: number | null;
    /** How much worse, in the metric's unit; 0 or less when not worse. */
    readonly drop: number | null;
  };
  readonly maxAbsoluteDifference: number;
  /** Signal over noise in decibels; `null` where the outputs are equal. */
  readonly outputs: readonly {readonly name: string; readonly sqnrDb: number | null}[];
  /** Error that has come together up to the layer, worst first. */
  readonly worstAccumulated: readonly LayerError[];
  /** Error of the layer itself, fed with the original's tensors, worst first; empty for builds without integer layers. */
  readonly worstOwn: readonly LayerError[];
  readonly warnings: readonly string[];
}

export interface LayerError {
  readonly layer: string;
  readonly operator: string;
  readonly tensor: string;
  readonly sqnrDb: number | null;
}
