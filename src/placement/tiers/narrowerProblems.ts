import type {TierProblem} from './tierProblem.ts';

/**
 * The same question with fewer freedoms, one taken away at a time: data that only rises, no links beside the row. Whatever
 * answers one of them answers the question itself, and costs there no more than here.
 */
export function narrowerProblems(problem: TierProblem): TierProblem[] {
  const {tierCount, links, direction} = problem;
  const narrower: TierProblem[] = [];
  if (direction === 'two-way') narrower.push({...problem, direction: 'one-way'});
  const row = links.filter(({from, to}) => to === from + 1);
  if (row.length < links.length && row.length === tierCount - 1) narrower.push({...problem, links: row});
  return narrower;
}

/** Two questions about the same layers and tensors are the same one when this is. */
export function freedomsOf({direction, links}: TierProblem): string {
  return `${direction} ${links.length}`;
}
