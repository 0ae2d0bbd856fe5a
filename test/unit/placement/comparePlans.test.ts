import {expect, it} from 'vitest';
import type {Plan} from '../../../src/documents/plan.ts';
import {writeHeader} from '../../../src/documents/writeHeader.ts';
import {comparePlans} from '../../../src/placement/comparePlans.ts';
import {planDocument} from '../../../src/placement/planDocument.ts';
import {ARTICLE_LINK, articleMeasurements} from './articleNetwork.ts';

function planFrom(upBytesPerSecond: number, profile: string, placed?: Plan['layers'][number]['tier']): Plan {
  const measurements = articleMeasurements({
    constraints: {keepRawInputOnDevice: false, pins: []},
    link: {...ARTICLE_LINK, upBytesPerSecond},
  });
  return planDocument({
    header: writeHeader('plan', {version: '0.1.0', now: new Date(0), madeFrom: {profile}}),
    measurements,
    ...(placed === undefined ? {} : {placed: measurements.layers.map(() => placed)}),
  });
}

const measured = {p50Ms: 1, p95Ms: 1, interval90: {lowMs: 1, highMs: 1}, deviceMs: 1, linkMs: 0, cloudMs: 0};

/** The device alone was measured to be faster than what had been predicted to be the best. */
function overruled(predicted: Plan, profile: string): Plan {
  const name = predicted.alternatives.find(({verdict}) => verdict === 'chosen')!.name;
  const row = {predictedMs: 1, measured: {...measured, requests: 12}, reason: ''};
  return {
    ...planFrom(1e6, profile, 'device'),
    verified: {
      rounds: 12,
      isChanged: true,
      candidates: [
        {...row, name, verdict: 'slower'},
        {...row, name: 'device-only', verdict: 'chosen'},
      ],
    },
  };
}

const kindOf = (before: Plan, after: Plan): string =>
  comparePlans(new Map([['pi', before]]), new Map([['pi', after]]))[0]!.kind;

it('what was measured stands as long as the same is predicted, and no longer', () => {
  const predicted = planFrom(1e6, 'one');
  const other = planFrom(20_000, 'two');
  expect(predicted.layers.some(({tier}) => tier === 'cloud')).toBe(true);
  expect(other.layers.map(({tier}) => tier)).not.toEqual(predicted.layers.map(({tier}) => tier));
  const verified = overruled(predicted, 'one');
  expect(kindOf(verified, predicted)).toBe('unchanged');
  expect(kindOf(verified, planFrom(1e6, 'two'))).toBe('measured-again');
  expect(kindOf({...verified, constraints: {...verified.constraints, minDeviceLayers: 2}}, predicted)).toBe(
    'changed',
  );
  // Verified anew, and decided otherwise: that is a change.
  expect(kindOf(verified, {...predicted, verified: {...verified.verified!, isChanged: false}})).toBe(
    'changed',
  );
  const unlike = {...verified, verified: {...verified.verified!, isChanged: false}};
  expect(kindOf(unlike, predicted)).toBe('changed');
  // Something else is the best by prediction now, and it is not what was chosen by measuring either.
  const cloudNow = planFrom(2.5e6, 'two', 'cloud');
  expect(
    kindOf(
      {
        ...verified,
        verified: {
          ...verified.verified!,
          candidates: [
            {...verified.verified!.candidates[0]!, name: 'another'},
            ...verified.verified!.candidates.slice(1),
          ],
        },
      },
      cloudNow,
    ),
  ).toBe('changed');
});
