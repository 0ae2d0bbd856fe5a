import {expect, it} from 'vitest';
import type {PlanVerification} from '../../../src/documents/planVerification.ts';
import {verifiedSection} from '../../../src/terminal/page/verifiedSection.ts';
import {textFromVerification} from '../../../src/terminal/textFromVerification.ts';
import {goldenPlan} from './page/samplePlans.ts';

const measured = (p50Ms: number) => ({
  p50Ms,
  p95Ms: p50Ms * 1.2,
  interval90: {lowMs: p50Ms * 0.97, highMs: p50Ms * 1.03},
  deviceMs: p50Ms / 2,
  linkMs: p50Ms / 4,
  cloudMs: p50Ms / 8,
  requests: 40,
});

const verified: PlanVerification = {
  rounds: 40,
  isChanged: true,
  candidates: [
    {
      ...{name: 'cut after pool1', device: 'int8', boundary: 'int8', input: 'as-is', isPacked: true},
      ...{predictedMs: 20, predictedInterval90: {lowMs: 19, highMs: 21}, measured: measured(25)},
      difference: {p50Ms: 3, interval90: {lowMs: 2.5, highMs: 3.5}},
      ...{verdict: 'slower', reason: 'slower by 3 ms'},
    },
    {
      ...{name: 'cut after pool2', predictedMs: 21, measured: measured(22)},
      ...{verdict: 'chosen', reason: 'measured to be faster than the one that was predicted to be the best'},
    },
    {
      ...{name: 'cloud-only', predictedMs: 40, measured: null},
      ...{verdict: 'failed', reason: 'answered 3 of 40 requests'},
    },
  ],
};

it('each candidate as predicted and as measured, how it travels, and why it was taken or left', () => {
  const text = textFromVerification(verified, 240);
  expect(text).toContain('Measured in turn, 40 times. What was measured overruled the prediction.');
  const lines = text.split('\n');
  expect(lines.find(line => line.startsWith('cut after pool1'))).toMatch(
    /int8 on the device, as int8, packed +20 ms +25 ms .*30 ms +−20\.0 % +slower by 3 ms/,
  );
  expect(lines.find(line => line.startsWith('cut after pool2'))).toMatch(/chosen: measured to be faster/);
  expect(lines.find(line => line.startsWith('cloud-only'))).toMatch(
    /– +– +– +failed: answered 3 of 40 requests/,
  );
});

it('the page has all of them on one scale, and nothing where nothing was measured', () => {
  const plan = {...goldenPlan('free'), verified};
  const section = verifiedSection(plan);
  expect(typeof section === 'string' ? '' : section.html).toContain('Measured before it was decided');
  expect(typeof section === 'string' ? '' : section.html).toContain(
    'predicted 20 ms, measured 25 ms (−20.0 %)',
  );
  expect(verifiedSection(goldenPlan('free'))).toBe('');
});
