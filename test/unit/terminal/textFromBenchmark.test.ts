import {describe, expect, it} from 'vitest';
import type {BenchmarkResult} from '../../../src/documents/benchmark.ts';
import {textFromBenchmark} from '../../../src/terminal/textFromBenchmark.ts';

const RESULT: BenchmarkResult = {
  device: 'pi-1',
  release: '0123456789abcdef',
  planFile: 'plans/pi-1.yaml',
  latency: {
    requests: 100,
    meanMs: 21,
    p50Ms: 20,
    p90Ms: 25,
    p99Ms: 40,
    mostMs: 41,
    deviceMs: 8,
    linkMs: 10,
    cloudMs: 2,
  },
  throughput: {concurrency: 4, seconds: 5, requestsPerSecond: 81.25, p50Ms: 48, p99Ms: 90},
  failures: 0,
  aloneRequests: 0,
  energyMillijoules: 32.5,
  predicted: {
    latencyMs: 19,
    deviceMs: 8,
    linkMs: 9,
    cloudMs: 2,
    overheadMs: 0,
    upBytes: 100,
    downBytes: 10,
    deviceWeightBytes: 0,
    cloudWeightBytes: 0,
    interval90: {lowMs: 17, highMs: 21},
  },
  deviceOnlyMs: 60,
  cloudOnlyMs: null,
};

describe('what bench prints', () => {
  it('predicted beside measured, quantiles, the rate, the energy', () => {
    const lines = textFromBenchmark(RESULT).split('\n');
    expect(lines[0]).toBe('pi-1 (release 0123456789abcdef): 100 requests, one after the other');
    expect(lines).toContainEqual(expect.stringMatching(/^p50 +19 ms +20 ms +−5\.0 %$/));
    expect(lines).toContainEqual(expect.stringMatching(/^p99 +– +40 ms$/));
    const text = lines.join('\n');
    expect(text).toContain('81.3 requests a second with 4 at a time, for 5.0 s');
    expect(text).toContain('32.5 mJ of the device a request');
    expect(text).toContain('The plan predicts 60 ms with everything on the device.');
    expect(text).not.toContain('failed');
  });

  it('says what failed, who answered alone, and that there is no plan', () => {
    const text = textFromBenchmark({
      ...RESULT,
      failures: 3,
      aloneRequests: 2,
      predicted: null,
      deviceOnlyMs: null,
      energyMillijoules: null,
    });
    expect(text).toContain('2 of 100 requests were answered by the device alone');
    expect(text).toContain('3 requests failed.');
    expect(text).toContain('there is no prediction');
    expect(text).not.toMatch(/mJ|The plan predicts/);
  });
});
