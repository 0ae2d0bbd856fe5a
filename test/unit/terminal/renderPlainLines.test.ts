import {describe, expect, it} from 'vitest';
import {runStep, type EdgewiseEvent} from '../../../src/events.ts';
import {renderPlainLines} from '../../../src/terminal/renderPlainLines.ts';

/** Events at given times, and the lines they lead to. */
function linesOf(events: readonly (readonly [number, EdgewiseEvent])[]): string[] {
  let nowMs = 0;
  const written: string[] = [];
  const renderer = renderPlainLines({write: text => written.push(text)}, () => nowMs);
  for (const [atMs, event] of events) {
    nowMs = atMs;
    renderer.emit(event);
  }
  return written.join('').split('\n').slice(0, -1);
}

const started = (step: string, title = step): EdgewiseEvent => ({kind: 'step-started', step, title});
const sent = (step: string, doneBytes: number, totalBytes = 10_000_000): EdgewiseEvent => ({
  kind: 'step-progressed',
  step,
  doneBytes,
  totalBytes,
});
const ended = (step: string, outcome: 'done' | 'skipped' | 'failed', detail?: string): EdgewiseEvent => ({
  kind: 'step-ended',
  step,
  outcome,
  ...(detail === undefined ? {} : {detail}),
});

describe('plain progress', () => {
  it('is one line for each step, when it ends', () => {
    expect(
      linesOf([
        [0, started('a', 'profile pi-1')],
        [100, started('b', 'push pi-2')],
        [150, {kind: 'step-progressed', step: 'a', detail: 'layers'}],
        [400, ended('b', 'skipped', 'nothing to change')],
        [3200, ended('a', 'done')],
      ]),
    ).toEqual(['push pi-2: skipped, nothing to change (300 ms)', 'profile pi-1: done (3.2 s)']);
  });

  it('gives a sign of life from a long step, with speed and time left', () => {
    expect(
      linesOf([
        [0, started('push')],
        [4000, sent('push', 2_000_000)],
        [8000, sent('push', 4_000_000)],
        [10_000, sent('push', 5_000_000)],
        [11_000, sent('push', 5_500_000)],
        [20_000, sent('push', 10_000_000)],
        [20_100, ended('push', 'done')],
      ]),
    ).toEqual(['push: 5 MB of 10 MB, 500 kB/s, 10 s left', 'push: 10 MB of 10 MB', 'push: done (20.1 s)']);
  });

  it('measures the speed of the last seconds, not of the whole step', () => {
    const [line] = linesOf([
      [0, started('push')],
      [1000, sent('push', 5_000_000)],
      [9000, sent('push', 5_000_000)],
      [11_000, sent('push', 6_000_000)],
    ]);
    expect(line).toBe('push: 6 MB of 10 MB, 500 kB/s, 8 s left');
  });

  it('starts its estimate again when a step begins another phase', () => {
    const [line] = linesOf([
      [0, started('push')],
      [5000, sent('push', 9_000_000)],
      [10_000, {kind: 'step-progressed', step: 'push', doneCount: 1, totalCount: 4, detail: 'checking'}],
    ]);
    expect(line).toBe('push: 1 of 4, checking');
  });

  it('says how many layers are done and the time left, also where each takes long, and forgets both after it', () => {
    const learned = (doneCount: number): EdgewiseEvent => ({
      kind: 'step-progressed',
      step: 'build',
      detail: 'rounding',
      doneCount,
      totalCount: 4,
      counted: 'layers',
    });
    expect(
      linesOf([
        [0, started('build')],
        [1000, learned(0)],
        [11_000, learned(1)],
        [21_000, learned(2)],
        [31_000, {kind: 'step-progressed', step: 'build', detail: 'judge'}],
      ]),
    ).toEqual([
      'build: 1 of 4 layers, 30 s left, rounding',
      'build: 2 of 4 layers, 20 s left, rounding',
      'build: judge',
    ]);
  });

  it('takes a step id that is used again for a new step', () => {
    expect(
      linesOf([
        [0, started('a')],
        [1000, ended('a', 'failed')],
        [5000, started('a')],
        [5500, ended('a', 'done')],
      ]),
    ).toEqual(['a: failed (1 s)', 'a: done (500 ms)']);
  });

  it('prints notes as they come, warnings marked, control characters gone', () => {
    expect(
      linesOf([
        [0, {kind: 'note', level: 'info', text: 'using fp32'}],
        [1, {kind: 'note', level: 'warning', text: 'pi-3\u001b[2J is slow'}],
      ]),
    ).toEqual(['using fp32', 'warning: pi-3 is slow']);
  });

  it('shows a failing step as failed', async () => {
    const written: string[] = [];
    const renderer = renderPlainLines({write: text => written.push(text)}, () => 0);
    await expect(
      runStep(renderer.emit, 'a', 'push pi-1', async () => {
        throw new Error('cable');
      }),
    ).rejects.toThrow('cable');
    expect(written).toEqual(['push pi-1: failed (0 ms)\n']);
  });
});
