import type {Costs} from '../../../../src/documents/costs.ts';

/**
 * Two layers in a row. By hand: x takes 100 ms up, y 10 ms up, z 0.5 ms down. Device alone 5 + 50 = 55 ms; cloud alone
 * 1 + 2 + 100 + 0.5 + 10 = 113.5 ms; a on the device, b in the cloud 5 + 2 + 10 + 0.5 + 10 = 27.5 ms.
 */
export const SMALL_COSTS: Costs = {
  kind: 'edgewise/costs',
  formatVersion: 1,
  tiers: ['device', 'cloud'],
  layers: [
    {name: 'a', timeMs: {device: 5, cloud: 1}, weightBytes: 1000},
    {name: 'b', timeMs: {cloud: 2, device: 50}, weightBytes: 2000},
  ],
  tensors: [
    {name: 'x', bytes: 125_000, producer: null, consumers: ['a'], isOutput: false},
    {name: 'y', bytes: 12_500, producer: 'a', consumers: ['b'], isOutput: false},
    {name: 'z', bytes: 1250, producer: 'b', consumers: [], isOutput: true},
  ],
  links: [{from: 'device', to: 'cloud', upMbitPerSecond: 10, downMbitPerSecond: 20, roundTripMs: 10}],
  pins: [],
  memoryBytes: {},
  direction: 'one-way',
  objective: 'latency',
};
