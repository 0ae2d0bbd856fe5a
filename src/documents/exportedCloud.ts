/** What `edgewise export` wrote. */
export interface ExportedCloud {
  readonly engine: 'triton' | 'kserve' | 'ray';
  /** As devices ask for them. */
  readonly models: readonly string[];
  readonly folder: string;
  /** Relative to the folder. */
  readonly files: readonly string[];
}
