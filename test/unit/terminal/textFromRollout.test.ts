import {describe, expect, it} from 'vitest';
import type {RolloutSummary} from '../../../src/documents/rollout.ts';
import {textFromRollout} from '../../../src/terminal/textFromRollout.ts';

const REASON = 'shelf-1: 40 of 60 requests took longer than 12.00 ms, which 5 % may';

function summaryOf(phases: readonly RolloutSummary['devices'][number]['phase'][]): RolloutSummary {
  return {
    id: 'r-1a2b3c4d5e6f-1',
    startedAt: '2026-01-01T00:00:00Z',
    outcome: 'reverted',
    reason: REASON,
    waves: [
      {
        wave: 1,
        devices: phases.length,
        verdict: 'fail',
        gates: [
          {gate: 'unreachable', verdict: 'pass', reason: 'nobody is offline'},
          {gate: 'p95-to-previous', verdict: 'fail', reason: REASON},
        ],
      },
    ],
    devices: phases.map((phase, at) => ({
      device: `shelf-${at}`,
      hardwareClass: 'arm64 Raspberry Pi 4 Model B Rev 1.4',
      wave: 1,
      phase,
      release: null,
      detail:
        phase === 'deferred' ? `shelf-${at} cannot be reached: there was no connection within 10 s` : null,
    })),
  };
}

describe('a rollout as text', () => {
  it.each([60, 80, 120])('says all that it has to say in %i columns', width => {
    const text = textFromRollout(summaryOf(['reverted', 'deferred', 'reverted']), width);
    for (const line of text.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(width);
    const words = text.replaceAll(/\s+/g, ' ');
    for (const said of ['which 5 % may', '2 reverted, 1 deferred', 'no connection', 'within 10 s'])
      expect(words).toContain(said);
  });

  it('lists of a large fleet those that are not as they should be, and counts the others', () => {
    const phases = Array.from({length: 220}, (_, at) =>
      at % 50 === 3 ? ('failed' as const) : ('confirmed' as const),
    );
    const text = textFromRollout(summaryOf(phases), 100);
    expect(text).toContain('215 confirmed, 5 failed');
    expect(text).toContain('shelf-203');
    expect(text).not.toContain('shelf-204');
    expect(text).toContain('… and 215 more devices');
  });
});
