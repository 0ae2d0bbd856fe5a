import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {pickShard, planWaves} from '../../../src/rollout/planWaves.ts';

const candidatesOf = (classes: readonly number[], offline: ReadonlySet<number> = new Set()) =>
  classes.map((each, index) => ({
    device: `d${index}`,
    hardwareClass: `class-${each}`,
    isReachable: !offline.has(index),
  }));
const classes = fc.array(fc.integer({min: 0, max: 4}), {minLength: 1, maxLength: 120});
const seeds = fc.string({maxLength: 8});

describe('waves', () => {
  it('hold every device once, and a canary of every class comes first', () => {
    fc.assert(
      fc.property(classes, seeds, (kinds, seed) => {
        const planned = planWaves(candidatesOf(kinds), [1, '10%', '50%', '100%'], seed);
        expect(planned.map(({device}) => device).toSorted()).toEqual(
          kinds.map((_, at) => `d${at}`).toSorted(),
        );
        const first = planned.filter(({wave}) => wave === 1).map(({hardwareClass}) => hardwareClass);
        expect(new Set(first)).toEqual(new Set(kinds.map(kind => `class-${kind}`)));
      }),
    );
  });

  it('are the same whatever order the devices are named in', () => {
    fc.assert(
      fc.property(classes, seeds, (kinds, seed) => {
        const wavesOf = (candidates: ReturnType<typeof candidatesOf>) =>
          new Map(planWaves(candidates, [1, '50%'], seed).map(({device, wave}) => [device, wave]));
        const candidates = candidatesOf(kinds);
        expect(wavesOf(candidates.toReversed())).toEqual(wavesOf(candidates));
      }),
    );
  });

  it('take about the same part of every class', () => {
    const planned = planWaves(
      candidatesOf(Array.from({length: 100}, (_, at) => at % 4)),
      [1, '50%', '100%'],
      's',
    );
    for (let kind = 0; kind < 4; kind++) {
      const members = planned.filter(
        ({hardwareClass, wave}) => hardwareClass === `class-${kind}` && wave <= 2,
      );
      expect(members.length).toBeGreaterThanOrEqual(12);
      expect(members.length).toBeLessThanOrEqual(13);
    }
  });

  it('of [1, 10%, 50%, 100%] over 100 devices of one class are 1, 9, 40 and 50', () => {
    const planned = planWaves(candidatesOf(new Array<number>(100).fill(0)), [1, '10%', '50%', '100%'], 's');
    expect([1, 2, 3, 4].map(each => planned.filter(({wave}) => wave === each).length)).toEqual([
      1, 9, 40, 50,
    ]);
  });

  it('never start with a device that is offline', () => {
    const planned = planWaves(candidatesOf([0, 0, 0, 1, 1, 1], new Set([0, 1, 3])), [1, '100%'], 's');
    expect(planned.filter(({wave}) => wave === 1).every(({isReachable}) => isReachable)).toBe(true);
    expect(planned.filter(({isReachable}) => !isReachable).every(({wave}) => wave === 2)).toBe(true);
  });
});

it('shards cover the fleet without overlap, each with its part of every class', () => {
  const candidates = candidatesOf(Array.from({length: 40}, (_, at) => at % 2));
  const shards = [1, 2, 3, 4].map(index => pickShard(candidates, {index, count: 4}, 's'));
  expect(
    shards
      .flat()
      .map(({device}) => device)
      .toSorted(),
  ).toEqual(candidates.map(({device}) => device).toSorted());
  for (const shard of shards) {
    expect(shard).toHaveLength(10);
    expect(shard.filter(({hardwareClass}) => hardwareClass === 'class-0')).toHaveLength(5);
  }
});
