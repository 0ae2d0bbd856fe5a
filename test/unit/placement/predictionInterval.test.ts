import {expect, it} from 'vitest';
import type {PlanTotals} from '../../../src/documents/plan.ts';
import type {Link, MeasuredMs, ModelTimes} from '../../../src/documents/profile.ts';
import {seededNumbers} from '../../../src/documents/seededNumbers.ts';
import {median} from '../../../src/engine/profileTrace.ts';
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

it('covers nine tenths of the medians that a normal distribution with this spread gives', () => {
  const next = seededNumbers(1);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const medianOf = (count: number): number =>
    median(Array.from({length: count}, () => 1000 + 300 * normal()));
  const rounds = 4000;
  let covered = 0;
  for (let round = 0; round < rounds; round += 1) {
    const predictedMs = medianOf(20);
    const {interval90} = withInterval(
      {...TOTALS, latencyMs: predictedMs, deviceMs: predictedMs, linkMs: 0, cloudMs: 0, overheadMs: 0},
      // Half of a normal distribution lies within 0.6745 deviations.
      measurementsWith({device: timesWith(measured(1000, 300 * 0.6745))}),
    );
    const measuredMs = medianOf(24);
    if (interval90 && interval90.lowMs <= measuredMs && measuredMs <= interval90.highMs) covered += 1;
  }
  expect(covered / rounds).toBeGreaterThan(0.89);
  expect(covered / rounds).toBeLessThan(0.94);
});

it('never reaches below zero', () => {
  const wild = measurementsWith({device: timesWith(measured(60, 600))});
  expect(withInterval(TOTALS, wild).interval90?.lowMs).toBe(0);
});

it('adds nothing to what rests on estimated times', () => {
  const estimated = timesWith({...measured(60, 3), obtained: 'estimated'});
  expect(withInterval(TOTALS, measurementsWith({device: estimated}))).toEqual(TOTALS);
  expect(withInterval(TOTALS, measurementsWith({cloud: estimated}))).toEqual(TOTALS);
});
