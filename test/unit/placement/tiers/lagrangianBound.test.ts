import {expect, test} from 'vitest';
import {placeOnTiers} from '../../../../src/placement/tiers/placeOnTiers.ts';
import type {TierProblem} from '../../../../src/placement/tiers/tierProblem.ts';

/** 64 equal layers in a row, ten times as fast on tier 1, which has room for 40 of them; to cross costs next to nothing. */
function rowOfEqualLayers(): TierProblem {
  const layerCount = 64;
  return {
    tierCount: 2,
    layers: Array.from({length: layerCount}, (_, layer) => ({
      name: `layer${layer}`,
      timesNs: [1_000_000, 100_000],
      weightBytes: 1000,
    })),
    tensors: Array.from({length: layerCount}, (_, layer) => ({
      name: `tensor${layer}`,
      bytes: 1,
      producer: layer === 0 ? null : layer - 1,
      consumers: [layer],
      isOutput: false,
    })),
    links: [{from: 0, to: 1, upNsPerByte: 1, downNsPerByte: 1, roundTripNs: 0}],
    memoryBytes: [null, 40_000],
    direction: 'two-way',
  };
}

test('the first few cuts price memory so well that bound and answer are within a nanosecond per crossing', () => {
  const {latencyNs, certificate} = placeOnTiers(rowOfEqualLayers(), {objective: 'latency', nodeLimit: 40});
  // 24 layers stay, 40 go, one tensor crosses.
  expect(latencyNs).toBe(24 * 1_000_000 + 40 * 100_000 + 1);
  expect(latencyNs - certificate.boundNs).toBeLessThanOrEqual(64);
});

test('the first few cuts weigh the stages so well that the bound is what dividing the layers evenly would take', () => {
  const problem = {...rowOfEqualLayers(), memoryBytes: [null, null]};
  const {bottleneckNs, certificate} = placeOnTiers(problem, {objective: 'throughput', nodeLimit: 40});
  // 5 layers take 5 ms, 59 take 5.9; divided evenly it would be 64 / 11.
  expect(bottleneckNs).toBe(5_900_000);
  expect(certificate.boundNs).toBeGreaterThan(5_800_000);
});
