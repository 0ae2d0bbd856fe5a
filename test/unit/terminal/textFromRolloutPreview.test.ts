import {expect, it} from 'vitest';
import {textFromRolloutPreview} from '../../../src/terminal/textFromRolloutPreview.ts';

it('says of each device what would be done, how much would be sent at most, or why it is left out', () => {
  const devices = ['pi-1', 'pi-2', 'pi-3'].map(device => ({
    device,
    hardwareClass: 'a76',
    wave: 1,
    phase: 'waiting' as const,
    release: null,
    detail: null,
  }));
  const text = textFromRolloutPreview(
    {
      summary: {
        id: 'r-1',
        startedAt: '2026-01-01T00:00:00Z',
        outcome: null,
        reason: null,
        waves: [{wave: 1, devices: 3, verdict: null, gates: []}],
        devices,
      },
      soakMs: 60_000,
      problems: {'pi-3': 'it does not answer'},
      sending: {
        'pi-1': {lackingBytes: 2_300_000, fileBytes: 184_000_000},
        'pi-2': {lackingBytes: 0, fileBytes: 184_000_000},
      },
    },
    100,
  );
  expect(text).toMatchInlineSnapshot(`
    "Rollout r-1: 3 devices in 1 waves. Nothing has been changed.

    Wave 1, then soak for 1 min 0 s and judge:
    device  class  steps
    pi-1    a76    stage (send at most 2.3 MB of 184 MB), switch, check, confirm
    pi-2    a76    stage (all of 184 MB is there), switch, check, confirm
    pi-3    a76    left for later: it does not answer"
  `);
});
