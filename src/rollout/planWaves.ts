import {countOfShare, type Share} from '../documents/rolloutPolicy.ts';
import {seededRank} from './seededOrder.ts';

export interface WaveCandidate {
  readonly device: string;
  readonly hardwareClass: string;
  /** A device that is not there now is no canary: it comes in the last wave. */
  readonly isReachable: boolean;
}

/**
 * Spreads devices over waves: the first holds at least one of every hardware class, and every wave about the same part of
 * each. `waves` are cumulative: how many devices have the release after each; the last one takes the rest.
 * The same devices, waves and seed give the same answer.
 */
export function planWaves<T extends WaveCandidate>(
  candidates: readonly T[],
  waves: readonly Share[],
  seed: string,
): (T & {readonly wave: number})[] {
  const reachable = candidates.filter(({isReachable}) => isReachable);
  const ordered = [
    ...interleaveClasses(reachable, seed),
    ...candidates.filter(({isReachable}) => !isReachable),
  ];
  const ends = waveEnds(waves, candidates.length, new Set(reachable.map(each => each.hardwareClass)).size);
  return ordered.map((candidate, index) => {
    const isCovered = ends.findIndex(end => index < end);
    return {...candidate, wave: candidate.isReachable ? isCovered + 1 : ends.length};
  });
}

/** The part of the fleet that one of several jobs takes; every part has about the same part of each class. */
export function pickShard<T extends WaveCandidate>(
  candidates: readonly T[],
  {index, count}: {readonly index: number; readonly count: number},
  seed: string,
): T[] {
  const byClass = (a: T, b: T): number =>
    a.hardwareClass < b.hardwareClass ? -1 : a.hardwareClass > b.hardwareClass ? 1 : 0;
  return candidates
    .toSorted((a, b) => byClass(a, b) || seededRank(seed, a.device) - seededRank(seed, b.device))
    .filter((_, position) => position % count === index - 1);
}

/** Every prefix has at least one of each class as long as it can, and then about the same part of each. */
function interleaveClasses<T extends WaveCandidate>(candidates: readonly T[], seed: string): T[] {
  const shuffled = candidates.toSorted((a, b) => seededRank(seed, a.device) - seededRank(seed, b.device));
  const classes = [...new Set(shuffled.map(({hardwareClass}) => hardwareClass))];
  return classes
    .map(name => shuffled.filter(({hardwareClass}) => hardwareClass === name))
    .flatMap(members => members.map((member, at) => ({member, key: at / members.length})))
    .toSorted(
      (a, b) => a.key - b.key || seededRank(seed, a.member.device) - seededRank(seed, b.member.device),
    )
    .map(({member}) => member);
}

/** Growing cumulative sizes, the last of which is everything. */
function waveEnds(waves: readonly Share[], total: number, classCount: number): number[] {
  const ends: number[] = [];
  for (const share of waves) {
    const wanted = Math.min(total, Math.max(Math.ceil(countOfShare(share, total)), 1));
    const end = ends.length === 0 ? Math.max(wanted, classCount) : wanted;
    if (end > (ends.at(-1) ?? 0)) ends.push(end);
  }
  if ((ends.at(-1) ?? 0) < total) ends.push(total);
  return ends.length === 0 ? [0] : ends;
}
