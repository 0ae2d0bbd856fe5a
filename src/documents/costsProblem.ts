/** What does not fit together in a table of costs whose parts are each well formed. */
export interface CostsProblem {
  readonly path: readonly (string | number)[];
  /** What lies at `path`. */
  readonly input: unknown;
  readonly expected: string;
}
