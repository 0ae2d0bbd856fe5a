import {expect, it} from 'vitest';
import type {PlanTotals} from '../../../src/documents/plan.ts';
import type {Link, MeasuredMs, ModelTimes} from '../../../src/documents/profile.ts';
import {withInterval} from '../../../src/placement/predictionInterval.ts';

const TOTALS: PlanTotals = {
  latencyMs: 100,
  deviceMs: 60,
  linkMs: 20,
  cloudMs: 10,
  overheadMs: 10,
  upBytes: 1000,
  downBytes: 40,
  deviceWeightBytes: 0,
  cloudWeightBytes: 0,
};

const measured = (medianMs: number, spreadMs: number): MeasuredMs => ({
  medianMs,
  spreadMs,
  runs: 20,
  obtained: 'measured',
});

function timesWith(wholeRun: MeasuredMs, overhead = measured(5, 0)): ModelTimes {
  return {
    build: `sha256:${'0'.repeat(64)}`,
    threads: 1,
    wholeRun,
    layers: [],
    requestOverhead: overhead,
    sessionOverhead: overhead,
  };
}

const LINK: Link = {
  to: 'cloud',
  fixedMs: 10,
  roundTripMs: 10,
  upBytesPerSecond: 1e6,
  downBytesPerSecond: 1e6,
  residualMs: 0,
  samples: 13,
  obtained: 'measured',
};

function measurementsWith({
  device = timesWith(measured(60, 0)),
  cloud = timesWith(measured(10, 0)),
  link = LINK,
}: {device?: ModelTimes; cloud?: ModelTimes; link?: Link} = {}): Parameters<typeof withInterval>[1] {
  return {
    device,
    cloud: {tier: 'cloud', machine: 'cloud', times: cloud},
    link: {from: 'device', to: 'cloud', link},
  };
}

const STEADY = measurementsWith();

function widthOf(measurements: Parameters<typeof withInterval>[1], totals = TOTALS): number {
  const {interval90} = withInterval(totals, measurements);
  return (interval90?.highMs ?? NaN) - (interval90?.lowMs ?? NaN);
}

it('lies around the prediction, and leaves the totals as they are', () => {
  const {interval90, ...totals} = withInterval(TOTALS, STEADY);
  expect(totals).toEqual(TOTALS);
  expect(((interval90?.lowMs ?? 0) + (interval90?.highMs ?? 0)) / 2).toBeCloseTo(100);
});

it('is wider the more each part scattered', () => {
  const steady = widthOf(STEADY);
  expect(steady).toBeGreaterThan(0);
  expect(widthOf(measurementsWith({device: timesWith(measured(60, 6))}))).toBeGreaterThan(steady);
  expect(widthOf(measurementsWith({device: timesWith(measured(60, 0), measured(5, 2))}))).toBeGreaterThan(
    steady,
  );
  expect(widthOf(measurementsWith({cloud: timesWith(measured(10, 4))}))).toBeGreaterThan(steady);
  expect(widthOf(measurementsWith({link: {...LINK, residualMs: 8}}))).toBeGreaterThan(steady);
});

it('heeds only parts that the placement uses', () => {
  const deviceOnly = {...TOTALS, linkMs: 0, cloudMs: 0, latencyMs: 70};
  const steady = widthOf(STEADY, deviceOnly);
  expect(widthOf(measurementsWith({link: {...LINK, residualMs: 8}}), deviceOnly)).toBe(steady);
  expect(widthOf({...STEADY, cloud: null, link: null}, deviceOnly)).toBe(steady);
});

it('covers nine tenths of what a normal distribution with this spread gives', () => {
  // Half of a normal distribution lies within 0.6745 deviations, nine tenths within 1.645.
  const {interval90} = withInterval(
    {...TOTALS, latencyMs: 1000, deviceMs: 1000, linkMs: 0, cloudMs: 0, overheadMs: 0},
    measurementsWith({device: timesWith(measured(1000, 674.5))}),
  );
  expect(interval90?.highMs).toBeGreaterThan(1000 + 1640);
  expect(interval90?.highMs).toBeLessThan(1000 + 1660);
  expect(interval90?.lowMs).toBe(0);
});

it('adds nothing to what rests on estimated times', () => {
  const estimated = timesWith({...measured(60, 3), obtained: 'estimated'});
  expect(withInterval(TOTALS, measurementsWith({device: estimated}))).toEqual(TOTALS);
  expect(withInterval(TOTALS, measurementsWith({cloud: estimated}))).toEqual(TOTALS);
});
