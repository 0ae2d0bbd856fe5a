import type {PlacementProblem, ProblemTensor} from '../../src/placement/problem.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';

/**
 * A problem the size and shape of a real network: long, mostly local edges, some skips, shared tensors, shrinking
 * activations, a device several times slower than the cloud, a link that makes the cut worth thinking about. Deeper ones
 * have no more long skips, pins and layers for the device alone than one of 500 layers: were they as frequent per layer,
 * every cut would cross hundreds of tensors, and no split could pay.
 */
export function largeProblem(seed: number, layerCount: number): PlacementProblem {
  const next = seededNumbers(seed);
  const whole = (below: number): number => Math.floor(next() * below);
  const rarity = Math.min(1, 500 / layerCount);
  const tensors: {
    producer: number | null;
    bytes: number;
    consumers: Set<number>;
    isOutput: boolean;
    canCross: boolean;
  }[] = [];
  const add = (producer: number | null, bytes: number): void =>
    void tensors.push({producer, bytes, consumers: new Set(), isOutput: false, canCross: next() > 0.01});
  add(null, 60_000);
  add(null, 5_000);
  const layers = Array.from({length: layerCount}, (_, index) => {
    const reads = 1 + whole(3);
    for (let read = 0; read < reads; read++) {
      const isLocal = next() >= 0.05 * rarity;
      const back = 1 + whole(isLocal ? 8 : tensors.length);
      (tensors[Math.max(0, tensors.length - back)] as (typeof tensors)[number]).consumers.add(index);
    }
    const shrink = 1 - (0.9 * index) / layerCount;
    add(index, Math.round((2000 + whole(30_000)) * shrink));
    const cloudNs = 50 + whole(2000);
    const deviceNs = Math.round(cloudNs * (2 + 6 * next()));
    const pinned = next() < 0.002 * rarity ? {pin: {tier: 'device', reason: 'pinned-by-user'} as const} : {};
    return {name: `layer${index}`, deviceNs, cloudNs: next() < 0.002 * rarity ? null : cloudNs, ...pinned};
  });
  for (const tensor of tensors) tensor.isOutput = tensor.consumers.size === 0;
  return {
    layers,
    tensors: tensors.map((tensor, index): ProblemTensor => ({
      ...tensor,
      name: `tensor${index}`,
      consumers: [...tensor.consumers].sort((left, right) => left - right),
    })),
    deviceFixedNs: 7000,
    link: {
      fixedNs: 20_000,
      upNsPerByte: (layerCount / 500) * (0.5 + 4 * next()),
      downNsPerByte: 0.7,
      perTensorNs: 500,
      cutFixedNs: 20_000,
      handoverNsPerByte: layerCount / 2000,
    },
  };
}
