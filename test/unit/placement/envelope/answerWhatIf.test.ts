import {describe, expect, it} from 'vitest';
import type {WhatIf} from '../../../../src/documents/explanation.ts';
import type {Plan} from '../../../../src/documents/plan.ts';
import {yamlFromDocument} from '../../../../src/documents/printDocument.ts';
import {planFromYaml} from '../../../../src/documents/readDocument.ts';
import {writeHeader} from '../../../../src/documents/writeHeader.ts';
import {answerWhatIf} from '../../../../src/placement/envelope/answerWhatIf.ts';
import {planDocument} from '../../../../src/placement/planDocument.ts';
import {ARTICLE_CLOUD as cloud, ARTICLE_LINK as link, articleMeasurements} from '../articleNetwork.ts';
import type {ArticleChanges} from '../articleNetwork.ts';

const rawStays = {keepRawInputOnDevice: true, pins: []} as const;

function planFor(changed: ArticleChanges = {}): Plan {
  return planDocument({
    header: writeHeader('plan', {version: '0.1.0', now: new Date('2026-01-31T12:00:00Z'), madeFrom: {}}),
    measurements: articleMeasurements({constraints: rawStays, ...changed}),
  });
}

/** What a new plan would say, had the profile measured it so. */
function plannedAnew({bandwidthBytesPerSecond, roundTripMs, cloudSlower = 1}: WhatIf): Plan {
  const faster = (bandwidthBytesPerSecond ?? link.upBytesPerSecond) / link.upBytesPerSecond;
  return planFor({
    link: {
      ...link,
      upBytesPerSecond: link.upBytesPerSecond * faster,
      downBytesPerSecond: link.downBytesPerSecond * faster,
      fixedMs: link.fixedMs + (roundTripMs ?? link.roundTripMs) - link.roundTripMs,
      roundTripMs: roundTripMs ?? link.roundTripMs,
    },
    cloud: {...cloud, layers: cloud.layers.map(layer => ({...layer, ms: layer.ms * cloudSlower}))},
  });
}

const logSteps = (from: number, to: number, count: number): number[] =>
  Array.from({length: count}, (_, at) => from * (to / from) ** (at / (count - 1)));

describe('what would be, from the plan file alone', () => {
  // As people have it: read from its file, with rounded numbers.
  const plan = planFromYaml(yamlFromDocument('plan', planFor()), 'plan.yaml');

  it.each<[string, WhatIf[]]>([
    [
      'at other bandwidths',
      logSteps(1250, 12.5e9, 40).map(bandwidthBytesPerSecond => ({bandwidthBytesPerSecond})),
    ],
    ['with other round trips', logSteps(0.1, 10_000, 40).map(roundTripMs => ({roundTripMs}))],
    ['with a slower or faster cloud', logSteps(0.01, 100, 40).map(cloudSlower => ({cloudSlower}))],
  ])('%s is what planning anew says', (_, questions) => {
    const best = new Set<string>();
    for (const asked of questions) {
      const answer = answerWhatIf(plan, asked);
      const anew = plannedAnew(asked);
      expect(answer.isProven).toBe(true);
      expect(answer.best.name).toBe(anew.alternatives.find(({verdict}) => verdict === 'chosen')!.name);
      // Six digits are kept of each number.
      expect(answer.best.latencyMs / anew.predicted.latencyMs).toBeCloseTo(1, 4);
      expect(answer.chosen.latencyMs).toBeGreaterThanOrEqual(answer.best.latencyMs * (1 - 1e-5));
      best.add(answer.best.name);
    }
    expect(best.size).toBeGreaterThan(1);
  });

  it('with all quantities changed at once is what planning anew says, and proven', () => {
    const best = new Set<string>();
    for (const bandwidthBytesPerSecond of logSteps(2e4, 1e9, 6))
      for (const roundTripMs of [0.1, 7, 60])
        for (const cloudSlower of logSteps(0.02, 50, 5)) {
          const asked = {bandwidthBytesPerSecond, roundTripMs, cloudSlower};
          const answer = answerWhatIf(plan, asked);
          const anew = plannedAnew(asked);
          expect(answer.isProven).toBe(true);
          expect(answer.best.latencyMs / anew.predicted.latencyMs).toBeCloseTo(1, 4);
          best.add(answer.best.name);
        }
    expect(best.size).toBeGreaterThan(2);
  });

  it('with several changed is told to be unproven where not all that could be the best is known', () => {
    const {isComplete, ...older} = plan.envelope!;
    expect(isComplete).toBe(true);
    const asked = {bandwidthBytesPerSecond: 5e6, roundTripMs: 20};
    for (const envelope of [older, {...older, isComplete: false}])
      expect(answerWhatIf({...plan, envelope}, asked).isProven).toBe(false);
  });

  it('is as the plan says where nothing differs', () => {
    const chosen = plan.alternatives.find(({verdict}) => verdict === 'chosen')!.name;
    const {best} = answerWhatIf(plan, {cloudSlower: 1});
    expect(best).toEqual({name: chosen, latencyMs: plan.predicted.latencyMs});
  });

  it('is refused far from what was measured, in units', () => {
    expect(() => answerWhatIf(plan, {bandwidthBytesPerSecond: 125})).toThrow(
      'The plan knows bandwidths from 0.01 Mbit/s, not 0.001 Mbit/s.',
    );
    expect(() => answerWhatIf(plan, {cloudSlower: 1000, roundTripMs: 1})).toThrow(
      'The plan knows speeds of the cloud from 0.01 times the measured one, not 0.001 times the measured one.',
    );
  });

  it('is refused without a cloud, and by plans from before there was an envelope', () => {
    expect(() => answerWhatIf(planFor({cloud: null, link: null}), {roundTripMs: 1})).toThrow(
      'The plan names no cloud',
    );
    const {envelope, ...old} = planFor();
    expect(envelope).toBeDefined();
    expect(() => answerWhatIf(old, {roundTripMs: 1})).toThrow('was made before');
  });
});
