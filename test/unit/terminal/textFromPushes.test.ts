import {expect, it} from 'vitest';
import {textFromPushes} from '../../../src/terminal/textFromPushes.ts';

const push = {
  device: 'pi-1',
  release: '0123456789abcdef',
  outcome: 'activated' as const,
  endpointPort: 7799,
  sentFiles: 3,
  sentBytes: 300_000,
  savedBytes: {alreadyThere: 181_000_000, byCompression: 0, byDeltas: 2_100_000},
};

it('tells of each device what was sent, and what did not have to be and why', () => {
  expect(textFromPushes([push, {...push, device: 'pi-2', outcome: 'unchanged'}], 100)).toMatchInlineSnapshot(`
    "pi-1 serves release 0123456789abcdef on its port 7799.
    pi-2 already serves release 0123456789abcdef: nothing to change.

    device  files    sent  there already  compressed away  saved by deltas
    pi-1        3  300 kB         181 MB                -           2.1 MB"
  `);
});

it('has no table where nothing was sent', () => {
  expect(textFromPushes([{...push, outcome: 'unchanged'}])).toBe(
    'pi-1 already serves release 0123456789abcdef: nothing to change.',
  );
});
