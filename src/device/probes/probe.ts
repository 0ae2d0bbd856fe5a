/** One fact about a machine: what to run there, and what its answer means. Nothing here reaches out. */
export interface Probe<T> {
  readonly argv: readonly string[];
  /** `undefined` when the answer does not tell. */
  readonly parse: (stdout: string) => T | undefined;
}

/** A whole, non-negative number, alone on its line. */
export function wholeNumberFrom(text: string): number | undefined {
  const trimmed = text.trim();
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}
