import type {CompiledLatency} from './compilerJob.ts';

/** Of measured latencies; `null` without any. */
export function summarizeLatencies(latenciesMs: readonly number[]): CompiledLatency | null {
  if (latenciesMs.length === 0) return null;
  const sorted = latenciesMs.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  const lower = sorted[sorted.length % 2 === 0 ? middle - 1 : middle] ?? 0;
  return {
    medianMs: (lower + upper) / 2,
    meanMs: sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length,
    minMs: sorted[0] ?? 0,
    maxMs: sorted.at(-1) ?? 0,
    runs: sorted.length,
  };
}
