import {expect, test} from 'vitest';
import {tablesOf} from '../../../../src/placement/tiers/tierTables.ts';
import {windowsOf} from '../../../../src/placement/tiers/tierWindows.ts';

/** Two branches of eight layers each that begin at one input, listed in turns. */
function twoBranches() {
  return tablesOf({
    tierCount: 2,
    layers: Array.from({length: 16}, (_, layer) => ({
      name: `layer${layer}`,
      timesNs: [2, 1],
      weightBytes: 1,
    })),
    tensors: [
      {name: 'input', bytes: 1, producer: null, consumers: [0, 1], isOutput: false},
      ...Array.from({length: 14}, (_, layer) => ({
        name: `tensor${layer}`,
        bytes: 1,
        producer: layer,
        consumers: [layer + 2],
        isOutput: false,
      })),
    ],
    links: [{from: 0, to: 1, upNsPerByte: 1, downNsPerByte: 1, roundTripNs: 0}],
    memoryBytes: [null, 8],
    direction: 'two-way',
  });
}

test('a window of half of the layers is a whole branch, not a slice of all branches', () => {
  const [first] = windowsOf(twoBranches());
  expect(first).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
});

test('windows take every layer, and pairs of stretches take layers far apart', () => {
  const windows = windowsOf(twoBranches());
  expect(new Set(windows.flat()).size).toBe(16);
  expect(windows).toContainEqual([0, 2, 13, 15]);
});
