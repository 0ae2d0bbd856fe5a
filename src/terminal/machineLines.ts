import type {EdgewiseEvent} from '../events.ts';
import type {BoardRow} from './progressBoard.ts';

export type Note = Extract<EdgewiseEvent, {kind: 'note'}>;

/**
 * One line for each machine where steps of several are under way, at the place of its first one: the innermost step that runs
 * there, or the one that ended last. Notes, steps of no machine, and all where there is but one machine, stand as they are.
 */
export function linesByMachine(lines: readonly (Note | BoardRow)[]): readonly (Note | BoardRow)[] {
  const ofMachine = new Map<string, BoardRow[]>();
  for (const line of lines) {
    const machine = machineOf(line);
    if (machine === null || 'kind' in line) continue;
    const known = ofMachine.get(machine);
    if (known === undefined) ofMachine.set(machine, [line]);
    else known.push(line);
  }
  if (ofMachine.size < 2) return lines;
  return lines.flatMap(line => {
    const rows = ofMachine.get(machineOf(line) ?? '');
    if (rows === undefined) return [line];
    return rows[0] === line ? [latestOf(rows)] : [];
  });
}

function machineOf(line: Note | BoardRow): string | null {
  return 'kind' in line ? null : line.machine;
}

/** Of two steps that end at the same moment the outer one tells more, which began first. */
function latestOf(rows: readonly BoardRow[]): BoardRow {
  const running = rows.findLast(({state}) => state === 'running');
  return running ?? rows.reduce((one, other) => ((other.endedMs ?? 0) > (one.endedMs ?? 0) ? other : one));
}
