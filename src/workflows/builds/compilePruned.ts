import type {CandidatePruning, CompiledCandidate, CompileJob} from './compileJob.ts';
import type {PrunedFloat, PrunedFloats} from './pruneFloat.ts';

/**
 * A finished candidate beside the same made from pruned models: without channels before it, because less work is expected
 * to take less time where nothing can be timed, and with sparse weights after it, because not every GPU gains by them.
 */
export async function compilePruned(
  floats: PrunedFloats | null,
  whole: CompiledCandidate,
  compile: (pruned: PrunedFloat) => Promise<CompiledCandidate | null>,
): Promise<CompiledCandidate[]> {
  if (floats === null) return [whole];
  const narrow = await compileNarrowest(floats.proposals, compile);
  // Other precisions have no kernels that leave weights out, or no integer that is exactly 0.
  const canBeSparse = whole.precision === 'int8' || whole.precision === 'fp16';
  const sparse = floats.sparse !== null && canBeSparse ? await compile(floats.sparse) : null;
  return [...(narrow === null ? [] : [narrow]), whole, ...(sparse === null ? [] : [sparse])];
}

/**
 * From the model that saves most and still gives a build within the budget; `null` when there is none. The one that saves
 * most of all comes first, being wanted, then bisection: the less is pruned, the more accurate it is.
 */
async function compileNarrowest(
  proposals: readonly PrunedFloat[],
  compile: (pruned: PrunedFloat) => Promise<CompiledCandidate | null>,
): Promise<CompiledCandidate | null> {
  const last = proposals.at(-1);
  if (last === undefined) return null;
  const first = await compile(last);
  if (first?.isWithinBudget === true) return first;
  let best: CompiledCandidate | null = null;
  for (let low = 0, high = proposals.length - 1; low < high;) {
    const middle = Math.floor((low + high) / 2);
    const made = await compile(proposals[middle] as PrunedFloat);
    if (made?.isWithinBudget === true) [best, low] = [made, middle + 1];
    else high = middle;
  }
  return best;
}

/** Learned integers make up for each other's rounding, and weights that are 0 to be left out must stay 0. */
export function jobOfPruned(job: CompileJob, {sparseLayers}: PrunedFloat): CompileJob {
  return sparseLayers.length === 0 ? job : {...job, without: [...job.without, 'rounding']};
}

export function prunedName(candidate: string, {sparseLayers}: PrunedFloat): string {
  return `${candidate}-${sparseLayers.length > 0 ? 'sparse' : 'pruned'}`;
}

export function candidatePruning(
  unpruned: string,
  {savedShare, groups, sparseLayers}: PrunedFloat,
): CandidatePruning {
  return {unpruned, savedShare, groups, sparseLayers};
}
