import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {choosePlacementMoves} from '../../../src/fleet/placementMoves.ts';
import {weighCloudLoad, type ClassDemand, type CloudCapacity} from '../../../src/fleet/weighCloudLoad.ts';

/** By hand: 50 devices × 2 requests/s × 10 ms are one instance, 10 × 4 × 25 ms another. */
const DEMANDS: ClassDemand[] = [
  {
    name: 'slow',
    devices: 50,
    requestsPerSecond: 100,
    cloudMs: 10,
    latencyMs: 40,
    others: [
      {name: 'cut after conv3', cloudMs: 4, latencyMs: 43},
      {name: 'device-only', cloudMs: 0, latencyMs: 90},
    ],
  },
  {
    name: 'fast',
    devices: 10,
    requestsPerSecond: 40,
    cloudMs: 25,
    latencyMs: 60,
    others: [{name: 'device-only', cloudMs: 0, latencyMs: 70}],
  },
];
const CAPACITY: CloudCapacity = {
  cloud: 'cloud',
  instances: 3,
  maxUtilization: 0.7,
  pricePerHour: {amount: 0.5, currency: 'EUR'},
};

describe('the load of a shared cloud', () => {
  it('is requests per second times seconds of an instance, and what is paid for is what there is', () => {
    expect(weighCloudLoad(DEMANDS, CAPACITY)).toMatchObject({
      requestsPerSecond: 140,
      busyInstances: 2,
      neededInstances: 3,
      isWithinCapacity: true,
      price: {currency: 'EUR', perHour: 1.5, perMillionRequests: (1.5 / (140 * 3600)) * 1e6},
      classes: [
        {name: 'slow', busyInstances: 1},
        {name: 'fast', busyInstances: 1},
      ],
      remedy: null,
    });
  });

  it('that exceeds the instances says how many would do, how much less, or where else layers could run', () => {
    expect(weighCloudLoad(DEMANDS, {...CAPACITY, instances: 2})).toMatchObject({
      isWithinCapacity: false,
      remedy: {
        instances: 3,
        rateFactor: 0.7,
        // 0.4 ms of latency buy a millisecond of cloud time at the one, 0.5 at the other: 0.6 instances are enough.
        moves: [
          {class: 'fast', devices: 10, placement: 'device-only', addedLatencyMs: 10, freedInstances: 1},
        ],
      },
    });
  });

  it('takes the first step back when a later one is enough alone', () => {
    // The cheaper step frees 0.1 instances, the dearer one 1: together they are more than is missing.
    const [slow, fast] = DEMANDS as [ClassDemand, ClassDemand];
    const cheap = {...slow, others: [{name: 'a bit less', cloudMs: 9, latencyMs: 40.1}]};
    const moves = weighCloudLoad([cheap, fast], {...CAPACITY, instances: 2})?.remedy?.moves;
    expect(moves?.map(move => move.class)).toEqual(['fast']);
  });

  it('needs no instance that a rounding error asks for', () => {
    const third = {...DEMANDS[0]!, requestsPerSecond: 70, cloudMs: 10};
    expect(weighCloudLoad([third], CAPACITY)?.neededInstances).toBe(1);
  });

  it('is priced by what it needs where instances are not declared, and not at all without a rate', () => {
    expect(weighCloudLoad(DEMANDS, {...CAPACITY, instances: null})).toMatchObject({
      isWithinCapacity: true,
      price: {perHour: 1.5},
      remedy: null,
    });
    const silent = {...DEMANDS[0]!, requestsPerSecond: null};
    expect(weighCloudLoad([silent], CAPACITY)).toBeNull();
    expect(weighCloudLoad([silent, DEMANDS[1]!], CAPACITY)?.uncountedClasses).toEqual(['slow']);
  });

  it('finds moves exactly where brute force finds any, they fit, and none of them is needless', () => {
    const choice = fc.record({
      cloudMs: fc.integer({min: 0, max: 30}),
      latencyMs: fc.integer({min: 1, max: 90}),
    });
    const demand = fc.record({
      rate: fc.integer({min: 0, max: 50}),
      own: choice,
      others: fc.array(choice, {maxLength: 3}),
    });
    fc.assert(
      fc.property(fc.array(demand, {maxLength: 4}), fc.integer({min: 0, max: 3000}), (rows, thousandths) => {
        const budget = thousandths / 1000;
        const classes = rows.map(({rate, own, others}, index) => ({
          name: `c${index}`,
          devices: 1,
          requestsPerSecond: rate,
          ...own,
          others: others.map((each, at) => ({...each, name: `o${at}`})),
        }));
        const loadOf = (picks: readonly number[]): number =>
          picks.reduce((sum, cloudMs, at) => sum + (classes[at]!.requestsPerSecond * cloudMs) / 1000, 0);
        const least = loadOf(
          classes.map(({cloudMs, others}) => Math.min(cloudMs, ...others.map(each => each.cloudMs))),
        );
        const moves = choosePlacementMoves(classes, budget);
        if (Math.abs(least - budget) < 1e-9) return;
        expect(moves === null).toBe(least > budget);
        if (moves === null) return;
        const after = (skipped?: string): number =>
          loadOf(
            classes.map(({name, cloudMs, others}) => {
              const move = moves.find(each => each.class === name);
              if (move === undefined || name === skipped) return cloudMs;
              return others.find(each => each.name === move.placement)!.cloudMs;
            }),
          );
        expect(after()).toBeLessThanOrEqual(budget + 1e-9);
        for (const move of moves) expect(after(move.class)).toBeGreaterThan(budget - 1e-9);
      }),
    );
  });
});
