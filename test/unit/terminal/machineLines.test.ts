import {expect, it} from 'vitest';
import {linesByMachine, type Note} from '../../../src/terminal/machineLines.ts';
import type {BoardRow} from '../../../src/terminal/progressBoard.ts';

/** "pi-1: stage" on the machine "pi-1"; a title alone is of none. */
function row(machine: string | null, what: string, endedMs: number | null = null): BoardRow {
  const state = endedMs === null ? 'running' : 'done';
  const title = machine === null ? what : `${machine}: ${what}`;
  return {
    step: `${machine ?? ''}/${what}`,
    title,
    machine,
    state,
    startedMs: 0,
    endedMs,
    detail: null,
    measured: null,
  };
}
const textsOf = (lines: readonly (Note | BoardRow)[]): string[] =>
  linesByMachine(lines).map(line => ('kind' in line ? line.text : line.title));

it('a machine alone has all of its steps', () => {
  const lines = [row('pi-1', 'stage', 5), row('pi-1', 'switch')];
  expect(linesByMachine(lines)).toEqual(lines);
});

it('each of several machines has one line at the place of its first: the innermost step that runs, or what ended last', () => {
  const note: Note = {kind: 'note', level: 'warning', text: 'pi-2 is slow'};
  const lines = [
    row(null, 'look at 2 devices', 1),
    row('pi-1', 'stage', 9),
    row('pi-1', 'send release', 9),
    row('pi-2', 'stage'),
    note,
    row('pi-2', 'send release'),
    row(null, 'wave 1: soak'),
  ];
  expect(textsOf(lines)).toEqual([
    'look at 2 devices',
    'pi-1: stage',
    'pi-2: send release',
    'pi-2 is slow',
    'wave 1: soak',
  ]);
});

it('a step that runs is shown before one that ended after it had begun', () => {
  const lines = [row('pi-1', 'stage'), row('pi-1', 'send runtime', 7), row('pi-2', 'stage')];
  expect(textsOf(lines)).toEqual(['pi-1: stage', 'pi-2: stage']);
});
