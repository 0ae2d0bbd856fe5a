import type {BoardRow} from './progressBoard.ts';

type State = BoardRow['state'] | 'info' | 'warning';

/** What went wrong and what is under way is looked for; what went well can be counted. */
const URGENCY: Readonly<Record<State, number>> = {
  failed: 0,
  running: 1,
  warning: 2,
  done: 3,
  info: 4,
  skipped: 5,
};

/**
 * Which of the lines are shown where there are more than rows, in their order, and what is said of the others; `null` where
 * all fit. Among equally urgent ones the latest stay, but of those under way the first.
 */
export function fitLines(
  states: readonly State[],
  rows: number,
): {readonly shown: readonly number[]; readonly others: string | null} {
  const all = states.map((state, at) => ({state, at}));
  if (all.length <= rows) return {shown: all.map(({at}) => at), others: null};
  const ranked = all.toSorted(
    (a, b) => URGENCY[a.state] - URGENCY[b.state] || (a.state === 'running' ? a.at - b.at : b.at - a.at),
  );
  const kept = Math.max(0, rows - 1);
  const counts = new Map<State, number>();
  for (const {state} of ranked.slice(kept)) counts.set(state, (counts.get(state) ?? 0) + 1);
  const texts = [...counts]
    .toSorted(([a], [b]) => URGENCY[a] - URGENCY[b])
    .map(([state, count]) => `${count} ${nameOf(state, count)}`);
  const shown = ranked.slice(0, kept).map(({at}) => at);
  return {shown: shown.toSorted((a, b) => a - b), others: `and ${texts.join(', ')}`};
}

function nameOf(state: State, count: number): string {
  if (state === 'warning') return count === 1 ? 'warning' : 'warnings';
  if (state === 'info') return count === 1 ? 'note' : 'notes';
  return state;
}
