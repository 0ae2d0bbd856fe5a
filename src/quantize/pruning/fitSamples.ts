/** What one matrix product reads, and what it is to give from that; weights are outputs×inputs. */
export interface FitSamples {
  /** Rows. */
  readonly count: number;
  /** The bias with which the mean outputs are the wanted ones. */
  meanBias(weights: Float64Array): Float64Array;
  /**
   * Ridge regression towards the old weights, drawn to them by `damping` times each input's variance. `null` when the
   * samples hold values that are no numbers.
   */
  ridge(weights: Float64Array, damping: number): Float64Array | null;
  /** Mean square of what the outputs miss, summed over the outputs, but for a number that no weights can change. */
  error(weights: Float64Array, bias: Float64Array): number;
}

export interface FitSums {
  /** `inputRows` is count×inputs, `outputRows` count×outputs. */
  add(inputRows: Float32Array, outputRows: Float32Array, count: number): void;
  samples(): FitSamples;
}
