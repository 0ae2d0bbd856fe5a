/** What `edgewise quickstart --json` prints: one row per placement, and whether all answers are right. */
export interface QuickstartResult {
  readonly folder: string;
  readonly model: string;
  readonly rows: readonly QuickstartRow[];
  /** No placement's answers differ from the unsplit model's by more than 1e-5. */
  readonly isExact: boolean;
  readonly commands: readonly string[];
  readonly seconds: number;
}

export interface QuickstartRow {
  readonly name: string;
  readonly planFile: string;
  /** The row whose placement this plan came out with, so that it was not measured again. */
  readonly sameAs: string | null;
  readonly deviceLayers: number;
  readonly cloudLayers: number;
  readonly upBytes: number;
  readonly downBytes: number;
  readonly predictedMs: number;
  readonly measuredMs: number;
  readonly samples: number;
  /** Samples whose every output byte equals that of the unsplit build. */
  readonly identicalSamples: number;
  /** From the outputs of the model as it was given, unsplit and uncompiled. */
  readonly maxAbsoluteDifference: number;
  readonly accuracy: number | null;
}
