import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {fitLines} from '../../../src/terminal/fitLines.ts';

describe('lines of progress on a screen', () => {
  it('are all there where they fit', () => {
    expect(fitLines(['done', 'running'], 2)).toEqual({shown: [0, 1], others: null});
  });

  it('are those under way and those that failed, and the others are counted', () => {
    const states = ['done', 'running', 'done', 'failed', 'done', 'running', 'skipped'] as const;
    expect(fitLines(states, 4)).toEqual({shown: [1, 3, 5], others: 'and 3 done, 1 skipped'});
    expect(fitLines(states, 5)).toEqual({shown: [1, 3, 4, 5], others: 'and 2 done, 1 skipped'});
    expect(fitLines(states, 2)).toEqual({shown: [3], others: 'and 2 running, 3 done, 1 skipped'});
  });

  it('never are more than there are rows, and none is lost', () => {
    const state = fc.constantFrom('running', 'done', 'failed', 'skipped', 'info', 'warning' as const);
    fc.assert(
      fc.property(fc.array(state, {maxLength: 60}), fc.integer({min: 1, max: 40}), (states, rows) => {
        const {shown, others} = fitLines(states, rows);
        expect(shown.length + (others === null ? 0 : 1)).toBeLessThanOrEqual(rows);
        const counted = [...(others ?? '').matchAll(/\d+/g)].reduce((sum, [text]) => sum + Number(text), 0);
        expect(shown.length + counted).toBe(states.length);
      }),
    );
  });
});
