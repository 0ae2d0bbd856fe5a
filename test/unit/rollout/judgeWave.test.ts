import {describe, expect, it} from 'vitest';
import {bucketOfLatency, type ReleaseStatistics} from '../../../src/documents/agentStatistics.ts';
import {completePolicy} from '../../../src/documents/rolloutPolicy.ts';
import {judgeWave} from '../../../src/rollout/judgeWave.ts';
import type {DeviceObservation} from '../../../src/rollout/observation.ts';

const policy = completePolicy();
const well: ReleaseStatistics = {
  release: 'r',
  requests: 300,
  errors: 0,
  latency: {[String(bucketOfLatency(10))]: 300},
  classes: {'0': 150, '1': 150},
  residentBytes: 1e8,
  servingMs: 60_000,
  restarts: 0,
  throttled: 0,
};

function judge(current: Partial<ReleaseStatistics> | null, more: Partial<DeviceObservation> = {}) {
  const observation: DeviceObservation = {
    device: 'pi',
    atMs: 0,
    isServing: true,
    statistics: current === null ? null : {current: {...well, ...current}, previous: well},
    predictedMs: 10,
    ...more,
  };
  const {verdict, results} = judgeWave(['pi'], new Map([['pi', observation]]), policy);
  return {verdict, blamed: results.filter(result => result.verdict !== 'pass').map(({gate}) => gate)};
}
const latencies = (counts: Record<number, number>) =>
  Object.fromEntries(
    Object.entries(counts).map(([ms, count]) => [String(bucketOfLatency(Number(ms))), count]),
  );

describe('a wave', () => {
  it.each<[string, ReturnType<typeof judge>, string, string[]]>([
    ['that is well passes', judge({}), 'pass', []],
    ['that tells nothing is inconclusive', judge(null), 'inconclusive', ['serving', 'error-rate']],
    [
      'with too few requests is inconclusive',
      judge({requests: 20, latency: latencies({10: 20})}),
      'inconclusive',
      ['error-rate', 'p95-to-prediction', 'p95-to-previous'],
    ],
    ['in which a device stopped serving fails', judge({}, {isServing: false}), 'fail', ['serving']],
    ['in which an agent died fails', judge({restarts: 1}), 'fail', ['serving']],
    ['with every fifth request failing fails', judge({errors: 60}), 'fail', ['error-rate']],
    [
      'with errors at the allowed rate is inconclusive',
      judge({requests: 200, errors: 10}),
      'inconclusive',
      ['error-rate'],
    ],
    [
      'that takes 1.6 × as long as before fails against the release before, not against the prediction',
      judge({latency: latencies({16: 300})}),
      'fail',
      ['p95-to-previous'],
    ],
    [
      'whose slowest 10 % take three times as long fails, whatever its median',
      judge({latency: latencies({10: 270, 30: 30})}),
      'fail',
      ['p95-to-prediction', 'p95-to-previous'],
    ],
    [
      'whose slowest 1 % take three times as long passes',
      judge({latency: latencies({10: 297, 30: 3})}),
      'pass',
      [],
    ],
    ['that needs three times the memory fails', judge({residentBytes: 3e8}), 'fail', ['memory']],
    ['that is throttled most of the time fails', judge({throttled: 0.9}), 'fail', ['throttling']],
    ['on hardware that does not tell throttling passes', judge({throttled: null}), 'pass', []],
  ])('%s', (_, judged, verdict, blamed) => {
    expect(judged).toEqual({verdict, blamed});
  });

  it('whose answers all became another class fails', () => {
    expect(judge({classes: {'2': 300}})).toEqual({verdict: 'fail', blamed: ['output-shift']});
    expect(judge({classes: {'0': 165, '1': 135}})).toEqual({verdict: 'pass', blamed: []});
  });
});
