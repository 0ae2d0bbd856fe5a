import {plainText} from './formatTable.ts';
import {createProgressBoard, textFromEnded, textFromProgress} from './progressBoard.ts';
import type {EventRenderer} from './eventRenderer.ts';

/** A log need not hear of a long step more often than this. */
const SIGN_OF_LIFE_MS = 10_000;

/** One line per step when it ends, and a sign of life from long ones: no cursor movement, no colour. */
export function renderPlainLines(
  stream: {write(text: string): unknown},
  now = () => performance.now(),
): EventRenderer {
  const board = createProgressBoard();
  const lastLineMs = new Map<string, number>();
  const print = (line: string) => stream.write(`${plainText(line)}\n`);

  return {
    emit(event) {
      const nowMs = now();
      if (event.kind === 'note') {
        print(event.level === 'warning' ? `warning: ${event.text}` : event.text);
        return;
      }
      const row = board.apply(event, nowMs);
      if (row === null) return;
      if (row.state !== 'running') {
        lastLineMs.delete(row.step);
        print(textFromEnded(row, nowMs));
      } else if (nowMs - (lastLineMs.get(row.step) ?? row.startedMs) >= SIGN_OF_LIFE_MS) {
        lastLineMs.set(row.step, nowMs);
        print(`${row.title}: ${textFromProgress(row) || 'under way'}`);
      }
    },
    async finish() {},
  };
}
