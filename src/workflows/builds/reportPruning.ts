import type {Build} from '../../documents/build.ts';
import type {CompiledCandidate, CompiledModel} from './compileJob.ts';

type Decision = Build['recipe'][number];

/** What a build says beside its candidates: on what its time was judged, or why nothing was pruned although it was asked. */
export function pruningDecisions(
  {candidates, pruningEnded, pruningLeftOut}: CompiledModel,
  chosen: CompiledCandidate,
  verdicts: ReadonlyMap<string, string>,
  isTimed: boolean,
): Decision[] {
  if (pruningEnded === null) return [];
  if (chosen.pruning !== null) {
    const ended = {decision: 'no more is pruned', reason: pruningEnded};
    if (isTimed) return [ended, ...pruningLeftOut];
    return [
      ended,
      ...pruningLeftOut,
      {decision: 'pruned is taken to be faster', reason: 'by its multiply-adds; nothing was timed'},
    ];
  }
  const left = candidates
    .filter(({pruning}) => pruning !== null)
    .map(({name}) => `${name} ${verdicts.get(name) ?? ''}`);
  const reason = left.length === 0 ? pruningEnded : left.join('; ');
  return [{decision: 'nothing pruned', reason}, ...pruningLeftOut];
}

/** The build document's section on pruning; empty when the chosen build is not pruned. */
export function pruningOf(
  {candidates}: CompiledModel,
  {name, pruning, accuracy}: CompiledCandidate,
  medianMsOf: (candidate: string) => number | undefined,
): Pick<Build, 'pruning'> {
  if (pruning === null) return {};
  const {unpruned, savedShare, groups, sparseLayers} = pruning;
  const before = candidates.find(candidate => candidate.name === unpruned);
  const [unprunedMs, prunedMs] = [medianMsOf(unpruned), medianMsOf(name)];
  return {
    pruning: {
      unpruned,
      multiplyAddsRemoved: savedShare,
      channels: groups.map(({layers, channels, removed}) => ({layers: [...layers], of: channels, removed})),
      ...(sparseLayers.length === 0 ? {} : {sparseLayers: [...sparseLayers]}),
      accuracy: {unpruned: before?.accuracy ?? null, pruned: accuracy},
      ...(unprunedMs === undefined || prunedMs === undefined
        ? {}
        : {latencyMs: {unpruned: unprunedMs, pruned: prunedMs}}),
    },
  };
}
