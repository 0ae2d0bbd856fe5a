import {describe, expect, it} from 'vitest';
import {writeHeader} from '../../../src/documents/writeHeader.ts';
import {placementsToTry} from '../../../src/placement/placementsToTry.ts';
import {planDocument} from '../../../src/placement/planDocument.ts';
import {ARTICLE_DEVICE, ARTICLE_LINK, articleMeasurements} from './articleNetwork.ts';

const header = writeHeader('plan', {version: '0.1.0', now: new Date(0), madeFrom: {}});
const measurements = articleMeasurements();
const best = planDocument({header, measurements});

describe('placements that are worth measuring', () => {
  it('the best first, each its own, and everything on one tier among them', () => {
    const found = placementsToTry(measurements, 3);
    expect(found[0]).toEqual(best.layers.map(({tier}) => tier));
    expect(new Set(found.map(tiers => tiers.join())).size).toBe(found.length);
    for (const tier of ['device', 'cloud']) expect(found).toContainEqual(measurements.layers.map(() => tier));
    const predicted = found
      .slice(0, 3)
      .map(placed => planDocument({header, measurements, placed}).predicted.latencyMs);
    expect(predicted).toEqual(predicted.toSorted((one, other) => one - other));
  });

  it('only what is allowed', () => {
    const constraints = {keepRawInputOnDevice: true, pins: []};
    const found = placementsToTry({...measurements, constraints}, 3);
    expect(found).not.toContainEqual(measurements.layers.map(() => 'cloud'));
    for (const placed of found) planDocument({header, measurements: {...measurements, constraints}, placed});
  });

  it('over a gateway the best on every choice of tiers, and by amount for other goals', () => {
    const gateway = {tier: 'gateway' as const, machine: 'box', times: ARTICLE_DEVICE};
    const [device, cloud] = measurements.tiers;
    const withGateway = {
      ...measurements,
      tiers: [device!, gateway, cloud!],
      links: [
        {
          from: 'device' as const,
          to: 'gateway' as const,
          link: {...ARTICLE_LINK, to: 'box', fixedMs: 1, roundTripMs: 1},
        },
        {from: 'gateway' as const, to: 'cloud' as const, link: ARTICLE_LINK},
      ],
    };
    const found = placementsToTry(withGateway, 2);
    expect(found[0]).toEqual(planDocument({header, measurements: withGateway}).layers.map(({tier}) => tier));
    for (const tier of ['device', 'gateway', 'cloud'])
      expect(found).toContainEqual(measurements.layers.map(() => tier));
    for (const placed of found) planDocument({header, measurements: withGateway, placed});
  });
});

describe('a plan whose placement was settled by measuring', () => {
  it('is what was asked for, says why, and how far it is from what was predicted to be the best', () => {
    const tiers = best.layers.map(({tier}) => tier);
    const placed = measurements.layers.map((_, at) => (at === 0 ? ('device' as const) : ('cloud' as const)));
    const plan = planDocument({header, measurements, placed});
    expect(plan.layers.map(({tier}) => tier)).toEqual(placed);
    plan.layers.forEach(({reason}, at) => expect(reason === 'measured').toBe(placed[at] !== tiers[at]));
    const {flow, cut, isOptimal} = plan.certificate as {flow: number; cut: number; isOptimal: boolean};
    expect([cut > flow, isOptimal]).toEqual([true, false]);
    expect(plan.predicted.latencyMs - best.predicted.latencyMs).toBeCloseTo((cut - flow) / 1e6, 6);
    expect(plan.alternatives.filter(({verdict}) => verdict === 'chosen')).toHaveLength(1);
    expect(
      plan.alternatives.find(({reason}) => reason.startsWith('predicted to be faster by')),
    ).toBeDefined();
    expect(plan.changes).toBeUndefined();
  });

  it('must be one that is allowed', () => {
    const back = measurements.layers.map((_, at) => (at === 0 ? ('cloud' as const) : ('device' as const)));
    expect(() => planDocument({header, measurements, placed: back})).toThrow(/not allowed/);
  });
});
