import {describe, expect, it} from 'vitest';
import {costOfTiers} from '../../../../src/placement/tiers/costOfTiers.ts';
import {problemFromCosts} from '../../../../src/placement/tiers/problemFromCosts.ts';
import {SMALL_COSTS} from './smallCosts.ts';

describe('the problem of a table of costs', () => {
  it('has indices for names and whole nanoseconds for milliseconds and megabits', () => {
    expect(problemFromCosts(SMALL_COSTS)).toEqual({
      tierCount: 2,
      layers: [
        {name: 'a', timesNs: [5e6, 1e6], weightBytes: 1000},
        {name: 'b', timesNs: [50e6, 2e6], weightBytes: 2000},
      ],
      tensors: [
        {name: 'x', bytes: 125_000, producer: null, consumers: [0], isOutput: false},
        {name: 'y', bytes: 12_500, producer: 0, consumers: [1], isOutput: false},
        {name: 'z', bytes: 1250, producer: 1, consumers: [], isOutput: true},
      ],
      links: [{from: 0, to: 1, upNsPerByte: 800, downNsPerByte: 400, roundTripNs: 10e6}],
      memoryBytes: [null, null],
      direction: 'one-way',
    });
  });

  it.each([
    [[0, 0], 55],
    [[1, 1], 113.5],
    [[0, 1], 27.5],
  ])('costs on tiers %j the %d ms that it costs by hand', (tiers, latencyMs) => {
    expect(costOfTiers(problemFromCosts(SMALL_COSTS), tiers).latencyNs).toBe(latencyMs * 1e6);
  });

  it('rounds layer by layer: three times 0.4 ns are 0', () => {
    const layers = ['a', 'b', 'c'].map(name => ({name, timeMs: {device: 4e-7}, weightBytes: 0}));
    const {layers: rounded} = problemFromCosts({...SMALL_COSTS, layers, tensors: []});
    expect(rounded.map(({timesNs}) => timesNs)).toEqual([
      [0, null],
      [0, null],
      [0, null],
    ]);
  });

  it('knows of no time on a tier called like something that every object has', () => {
    const {layers} = problemFromCosts({...SMALL_COSTS, tiers: ['device', 'constructor']});
    expect(layers[0]?.timesNs).toEqual([5e6, null]);
  });

  it('keeps a layer that a name or a pattern pins to its tier, and says what memory each tier has', () => {
    const {layers, memoryBytes} = problemFromCosts({
      ...SMALL_COSTS,
      pins: [{layer: '*b', tier: 'cloud'}],
      memoryBytes: {cloud: 512},
    });
    expect(layers.map(({allowedTiers}) => allowedTiers)).toEqual([undefined, [1]]);
    expect(memoryBytes).toEqual([null, 512]);
  });

  it('sends a tensor once to a layer that reads it twice', () => {
    const tensors = [{name: 'x', bytes: 8, producer: null, consumers: ['a', 'b', 'a'], isOutput: false}];
    expect(problemFromCosts({...SMALL_COSTS, tensors}).tensors[0]?.consumers).toEqual([0, 1]);
  });
});
