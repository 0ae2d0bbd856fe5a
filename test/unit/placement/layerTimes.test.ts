import {expect, it} from 'vitest';
import type {ModelTimes} from '../../../src/documents/profile.ts';
import {layerTimesFromProfile} from '../../../src/placement/layerTimes.ts';
import type {LayerRow} from '../../../src/placement/measurements.ts';

const BUILD = `sha256:${'a'.repeat(64)}`;
const LAYERS: LayerRow[] = ['conv', 'dense'].map(name => ({
  name,
  operator: 'Op',
  inputs: [],
  outputs: [name],
}));
const SOME = {medianMs: 1, spreadMs: 0, runs: 5, obtained: 'measured'} as const;

function timesWith(sustainedSlowdown: number | null): ModelTimes {
  return {
    build: BUILD,
    threads: 4,
    wholeRun: SOME,
    layers: [{name: 'conv', operator: 'Op', ms: 10}],
    requestOverhead: SOME,
    sessionOverhead: SOME,
    ...(sustainedSlowdown === null
      ? {}
      : {sustained: {slowdown: sustainedSlowdown, seconds: 60, runs: 500, obtained: 'measured'}}),
  };
}

for (const [title, slowdown, expected] of [
  ['are those measured', null, 10],
  ['of a board that gets hot are what they are then', 1.5, 15],
  ['stay as measured where the difference is noise', 1.05, 10],
  ['stay as measured where the machine only got warm', 0.8, 10],
] as const) {
  it(`layer times ${title}`, () => {
    expect(layerTimesFromProfile(LAYERS, timesWith(slowdown), 'device', BUILD)).toEqual([expected, null]);
  });
}
