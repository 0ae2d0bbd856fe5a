import fc from 'fast-check';
import {expect, test} from 'vitest';
import {choosePlacement} from '../../src/placement/choosePlacement.ts';
import {costPartsOf} from '../../src/placement/envelope/costParts.ts';
import {findPlaneEnvelope, planeAt, type CostPlane} from '../../src/placement/envelope/planeEnvelope.ts';
import {completePlacements} from '../../src/placement/envelope/completePlacements.ts';
import {ExpectedError} from '../../src/errors.ts';
import {bruteForce, inMicroseconds, randomProblem} from './randomProblems.ts';

const whole = fc.integer({min: 0, max: 1000});
const planes = fc.array(fc.record({atZero: whole, u: whole, v: whole}), {minLength: 1, maxLength: 25});
const share = fc.double({min: 0, max: 1, noNaN: true});

test('of any planes the lowest at any point is among those that were found', () => {
  fc.assert(
    fc.property(planes, fc.array(fc.tuple(share, share), {minLength: 20, maxLength: 20}), (all, points) => {
      const lowestAt = (x: number, y: number): CostPlane =>
        all.reduce((best, plane) => (planeAt(plane, x, y) < planeAt(best, x, y) ? plane : best));
      const rectangle = {x: [0.01, 10], y: [0.1, 10]} as const;
      const {planes: found, isComplete} = findPlaneEnvelope(rectangle, lowestAt, [all[0]!], 1000);
      expect(isComplete).toBe(true);
      expect(findPlaneEnvelope(rectangle, lowestAt, [all[0]!], 3).isComplete).toBe(false);
      for (const [a, b] of points) {
        const [x, y] = [0.01 * 1000 ** a, 0.1 * 100 ** b];
        const least = planeAt(lowestAt(x, y), x, y);
        const known = Math.min(...found.map(plane => planeAt(plane, x, y)));
        expect(known - least).toBeLessThanOrEqual(1e-8 * Math.max(1, least));
      }
    }),
    {numRuns: 500},
  );
});

test('at any bandwidth, round trip and speed of the cloud at once, the best is among the placements that are known', () => {
  let several = 0;
  fc.assert(
    fc.property(
      randomProblem(8),
      fc.array(fc.tuple(share, share, share), {minLength: 12, maxLength: 12}),
      (small, points) => {
        const problem = inMicroseconds(small);
        const {link} = problem;
        if (link === null) return;
        let chosen;
        try {
          chosen = choosePlacement(problem).tiers;
        } catch (error) {
          if (error instanceof ExpectedError) return;
          throw error;
        }
        const ranges = {
          linkTime: [1 / 100, 100],
          cloudTime: [1 / 100, 100],
          shortestRoundTripNs: -link.fixedNs,
        } as const;
        const {placements, isComplete} = completePlacements(problem, link, [chosen], ranges, 1000);
        expect(isComplete).toBe(true);
        if (placements.length > 2) several += 1;
        for (const [a, b, c] of points) {
          const [net, cloud, moreNs] = [1e4 ** a / 100, 1e4 ** b / 100, Math.round(c * 1e8) - link.fixedNs];
          const costs = placements.map(tiers => {
            const {deviceNs, cloudNs, transferNs, roundTrips, restNs} = costPartsOf(problem, tiers);
            return deviceNs + cloud * cloudNs + net * transferNs + roundTrips * moreNs + restNs;
          });
          const there = {
            ...problem,
            layers: problem.layers.map(layer => ({
              ...layer,
              cloudNs: layer.cloudNs === null ? null : Math.round(layer.cloudNs * cloud),
            })),
            link: {
              ...link,
              fixedNs: link.fixedNs + moreNs,
              upNsPerByte: link.upNsPerByte * net,
              downNsPerByte: link.downNsPerByte * net,
            },
          };
          const best = bruteForce(there)!.costNs;
          const rounding = (problem.layers.length + problem.tensors.length + 2) / 2;
          expect(Math.abs(Math.min(...costs) - best)).toBeLessThanOrEqual(rounding + 1e-8 * best);
        }
      },
    ),
    {numRuns: 400},
  );
  expect(several).toBeGreaterThan(50);
}, 60_000);
