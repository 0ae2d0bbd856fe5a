import type {EdgewiseEvent} from '../events.ts';
import {formatBytes, formatBytesPerSecond, formatMs, formatTimeLeft} from './formatNumbers.ts';

/** What is known about the steps at one moment. Time is an argument, so that speeds can be tested. */
export interface BoardRow {
  readonly step: string;
  readonly title: string;
  /** Where it runs, if on one machine alone. */
  readonly machine: string | null;
  readonly state: 'running' | 'done' | 'skipped' | 'failed';
  readonly startedMs: number;
  readonly endedMs: number | null;
  /** What the step said last. */
  readonly detail: string | null;
  readonly measured: MeasuredProgress | null;
}

interface MeasuredProgress {
  readonly unit: 'bytes' | 'count';
  readonly done: number;
  readonly total: number | null;
  /** "layers": what is counted. */
  readonly counted: string | null;
  /** Recent moments, oldest first: the speed is taken over these. */
  readonly window: readonly {readonly atMs: number; readonly done: number}[];
}

/** Long enough to smooth bursts, short enough to notice that a link got slower. */
const SPEED_WINDOW_MS = 5000;
/** Before this much has passed an estimate is a guess that only confuses. */
const ESTIMATE_AFTER_MS = 500;

export interface ProgressBoard {
  /** Steps in the order in which they started. */
  readonly rows: readonly BoardRow[];
  apply(event: EdgewiseEvent, nowMs: number): BoardRow | null;
}

export function createProgressBoard(): ProgressBoard {
  const rows: BoardRow[] = [];
  /** Step ids are unique only among the steps under way: an ended one may start again as a new row. */
  const running = new Map<string, number>();

  return {
    rows,
    apply(event, nowMs) {
      if (event.kind === 'note' || event.kind === 'record') return null;
      if (event.kind === 'step-started') {
        const row: BoardRow = {
          step: event.step,
          title: event.title,
          machine: event.machine ?? null,
          state: 'running',
          startedMs: nowMs,
          endedMs: null,
          detail: null,
          measured: null,
        };
        running.set(event.step, rows.push(row) - 1);
        return row;
      }
      const at = running.get(event.step);
      const row = at === undefined ? undefined : rows[at];
      if (at === undefined || row === undefined) return null;
      const next = event.kind === 'step-ended' ? ended(row, event, nowMs) : progressed(row, event, nowMs);
      if (event.kind === 'step-ended') running.delete(event.step);
      rows[at] = next;
      return next;
    },
  };
}

function ended(row: BoardRow, event: Extract<EdgewiseEvent, {kind: 'step-ended'}>, nowMs: number): BoardRow {
  // What a step said on its way is no summary of how it ended.
  return {...row, state: event.outcome, endedMs: nowMs, detail: event.detail ?? null};
}

function progressed(
  row: BoardRow,
  event: Extract<EdgewiseEvent, {kind: 'step-progressed'}>,
  nowMs: number,
): BoardRow {
  const unit = event.doneBytes !== undefined ? 'bytes' : 'count';
  const done = event.doneBytes ?? event.doneCount;
  const detail = event.detail ?? row.detail;
  // Another detail without a number: a new phase began, of which nothing is counted.
  if (done === undefined) return {...row, detail, measured: detail === row.detail ? row.measured : null};
  const total = (unit === 'bytes' ? event.totalBytes : event.totalCount) ?? row.measured?.total ?? null;
  // Fewer than before, or another unit: a new phase began, whose speed says nothing about the last one.
  const isSamePhase = row.measured !== null && row.measured.unit === unit && done >= row.measured.done;
  // Layers and samples may take longer each than the window is long, while bytes that stand still have no speed.
  const kept = isSamePhase
    ? row.measured.window.filter(
        ({atMs}, at, {length}) => nowMs - atMs <= SPEED_WINDOW_MS || (unit === 'count' && at === length - 1),
      )
    : [];
  const counted = event.counted ?? null;
  return {...row, detail, measured: {unit, done, total, counted, window: [...kept, {atMs: nowMs, done}]}};
}

/** "12.3 MB of 60.1 MB, 4.1 MB/s, 12 s left, blob 3 of 9": what can be said about a running step. */
export function textFromProgress(row: BoardRow): string {
  const parts: string[] = [];
  if (row.measured !== null) {
    const {unit, done, total, counted, window} = row.measured;
    const format = unit === 'bytes' ? formatBytes : String;
    const amount = total === null ? format(done) : `${format(done)} of ${format(total)}`;
    parts.push(counted === null ? amount : `${amount} ${counted}`);
    const perMs = speedOf(window);
    if (perMs !== null) {
      if (unit === 'bytes') parts.push(formatBytesPerSecond(perMs * 1000));
      if (total !== null && total > done) parts.push(formatTimeLeft((total - done) / perMs));
    }
  }
  if (row.detail !== null) parts.push(row.detail);
  return parts.join(', ');
}

/** "push pi-1: done, 3 of 9 files were new (3.2 s)". */
export function textFromEnded(row: BoardRow, nowMs: number): string {
  const outcome = row.state === 'running' ? 'interrupted' : row.state;
  const detail = row.detail === null ? '' : `, ${row.detail}`;
  return `${row.title}: ${outcome}${detail} (${formatMs(Math.round((row.endedMs ?? nowMs) - row.startedMs))})`;
}

function speedOf(window: readonly {readonly atMs: number; readonly done: number}[]): number | null {
  const first = window[0];
  const last = window.at(-1);
  if (first === undefined || last === undefined) return null;
  const elapsedMs = last.atMs - first.atMs;
  const gained = last.done - first.done;
  return elapsedMs >= ESTIMATE_AFTER_MS && gained > 0 ? gained / elapsedMs : null;
}
