import {Writable} from 'node:stream';
import {setImmediate} from 'node:timers/promises';
import {formatMs} from './formatNumbers.ts';
import {fitLines} from './fitLines.ts';
import {plainText} from './formatTable.ts';
import {linesByMachine, type Note} from './machineLines.ts';
import {createProgressBoard, textFromEnded, textFromProgress, type BoardRow} from './progressBoard.ts';
import type {EventRenderer, EventRendererOptions} from './eventRenderer.ts';

/** One line of the list: a step, or a note that stays where it was said. */
type Line = {readonly kind: 'step'; readonly row: number} | {readonly kind: 'note'; readonly note: Note};

const REFRESH_MS = 100;
const INTERRUPTIONS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** Rows of the screen that stay free: one for the cursor, one for the prompt that was there before. */
const FREE_ROWS = 2;
const DEFAULT_ROWS = 24;
/** A step that is over sooner needs no clock. */
const SHOW_CLOCK_AFTER_MS = 2000;

/**
 * Steps as a live list drawn by listr2, which only shows: the steps are run by the workflows, announced while the list
 * is already up. listr2's own answer to Ctrl-C, exit status 127, is switched off.
 */
export function renderLiveList({stream, noColor}: EventRendererOptions): EventRenderer {
  const board = createProgressBoard();
  const lines: Line[] = [];
  let list: Promise<LiveList> | undefined;
  let isFinished = false;

  return {
    emit(event) {
      if (isFinished) return;
      const knownRows = board.rows.length;
      board.apply(event, performance.now());
      if (event.kind === 'note') lines.push({kind: 'note', note: event});
      else if (board.rows.length > knownRows) lines.push({kind: 'step', row: knownRows});
      list ??= openList(stream, noColor, () =>
        lines.map(line => (line.kind === 'note' ? line.note : board.rows[line.row])),
      );
    },
    async finish() {
      isFinished = true;
      const live = await list;
      if (live === undefined) return;
      live.expand();
      // Lines that came last are drawn once listr2 has taken them up, which it does between two turns of the loop.
      await setImmediate();
      live.close();
    },
  };
}

interface LiveList {
  /** Every line, however many: after this nothing is drawn over. */
  expand(): void;
  close(): void;
}

async function openList(
  stream: NodeJS.WriteStream,
  noColor: boolean,
  currentLines: () => readonly (Note | BoardRow | undefined)[],
): Promise<LiveList> {
  const {DefaultRenderer, Listr, ListrDefaultRendererLogLevels, ListrLogger, ListrTaskState, ProcessOutput} =
    await import('listr2');
  // Never run: it holds the tasks whose states are set from the events.
  const holder = new Listr<unknown, 'default', 'default'>([], {
    renderer: 'default',
    fallbackRenderer: 'default',
    registerSignalListeners: false,
    exitOnError: false,
  });
  const nowhere = new Writable({write: (_chunk, _encoding, done) => done()}) as unknown as NodeJS.WriteStream;
  const uncoloured = Object.fromEntries(
    Object.values(ListrDefaultRendererLogLevels).map(level => [level, (text?: string) => text ?? '']),
  );
  const renderer = new DefaultRenderer(
    holder.tasks,
    {
      // The list draws on stderr; stdout stays the command's own.
      logger: new ListrLogger({useIcons: true, processOutput: new ProcessOutput(stream, nowhere)}),
      formatOutput: 'truncate',
      collapseSkips: false,
      showSkipMessage: false,
      // Warnings are drawn as cancelled tasks, which this list has no other use for.
      icon: {
        [ListrDefaultRendererLogLevels.CANCELLED]: '!',
        [ListrDefaultRendererLogLevels.SKIPPED_WITHOUT_COLLAPSE]: '-',
      },
      ...(noColor ? {color: uncoloured} : {}),
    },
    holder.events,
  );

  const taskAt = (at: number) => {
    if (at === holder.tasks.length) {
      holder.add({title: ' ', task: () => {}});
      // Nothing is drawn of a task that was not asked whether it is enabled.
      void holder.tasks.at(-1)?.check(undefined);
    }
    return holder.tasks[at];
  };
  const states = {
    running: ListrTaskState.STARTED,
    done: ListrTaskState.COMPLETED,
    skipped: ListrTaskState.SKIPPED,
    failed: ListrTaskState.FAILED,
  };
  let isExpanded = false;
  const bring = (isLast: boolean) => {
    const nowMs = performance.now();
    const lines = linesByMachine(currentLines().filter(line => line !== undefined));
    // What has scrolled off the screen cannot be drawn again. At the end everything is left standing.
    const rows = isExpanded ? Infinity : (stream.rows ?? DEFAULT_ROWS) - FREE_ROWS;
    const {shown, others} = fitLines(
      lines.map(line => ('kind' in line ? line.level : line.state)),
      rows,
    );
    const drawn = shown.flatMap(at => lines[at] ?? []);
    const rest: Note[] = others === null ? [] : [{kind: 'note', level: 'info', text: others}];
    const all = [...drawn, ...rest];
    // What has no title is not drawn: there may be fewer lines than before.
    for (const task of holder.tasks.slice(all.length)) delete task.title;
    all.forEach((line, at) => {
      const task = taskAt(at);
      if (task === undefined) return;
      if ('kind' in line) {
        setTask(
          task,
          line.text,
          line.level === 'warning' ? ListrTaskState.CANCELLED : ListrTaskState.SKIPPED,
        );
      } else {
        const isInterrupted = isLast && line.state === 'running';
        const text =
          isInterrupted || line.state !== 'running'
            ? textFromEnded(line, nowMs)
            : textFromRunning(line, nowMs);
        setTask(task, text, isInterrupted ? ListrTaskState.FAILED : states[line.state]);
      }
    });
  };
  bring(false);
  await renderer.render();
  const timer = setInterval(() => bring(false), REFRESH_MS);
  // An interrupted or failing program must not be kept alive by its own progress.
  timer.unref();
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    clearInterval(timer);
    for (const {signal, end} of listeners) process.removeListener(signal, end);
    process.removeListener('exit', close);
    bring(true);
    renderer.end();
  };
  const listeners = INTERRUPTIONS.map(signal => ({signal, end: () => endBy(signal, close)}));
  for (const {signal, end} of listeners) process.prependListener(signal, end);
  process.prependListener('exit', close);
  const expand = () => {
    isExpanded = true;
    bring(false);
  };
  return {expand, close};
}

/** Gives the cursor back, then lets the signal do what it would have done without us: exit status 130 for Ctrl-C. */
function endBy(signal: NodeJS.Signals, close: () => void): void {
  close();
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

/** Draws nothing yet: a list that was drawn with every assignment would be seen half old and half new. */
function setTask<S extends string>(task: {title?: string; state: S}, text: string, state: S): void {
  task.title = plainText(text);
  task.state = state;
}

function textFromRunning(row: BoardRow, nowMs: number): string {
  const elapsedMs = nowMs - row.startedMs;
  const clock = elapsedMs < SHOW_CLOCK_AFTER_MS ? '' : ` (${formatMs(Math.floor(elapsedMs / 1000) * 1000)})`;
  const progress = textFromProgress(row);
  return progress === '' ? `${row.title}${clock}` : `${row.title}: ${progress}${clock}`;
}
