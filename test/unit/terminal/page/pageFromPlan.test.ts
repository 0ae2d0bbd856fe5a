import {describe, expect, it} from 'vitest';
import type {MeasuredAnswer} from '../../../../src/documents/measuredAnswer.ts';
import type {Plan} from '../../../../src/documents/plan.ts';
import {proofFrom} from '../../../../src/documents/planProof.ts';
import {pageFromPlan} from '../../../../src/terminal/page/pageFromPlan.ts';
import {goldenPlan, planOfGraph, STYLE} from './samplePlans.ts';

function pageOf(plan: Plan, answer: MeasuredAnswer | null = null): string {
  return pageFromPlan({plan, answer, style: STYLE});
}

/** The text that a reader sees, without tags. */
function textOf(page: string): string {
  return page
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
}

const free = goldenPlan('free');

const ENVELOPE: NonNullable<Plan['envelope']> = {
  placements: [
    {
      name: 'cloud-only',
      deviceLayers: [],
      upBytes: 12_288,
      downBytes: 40,
      latencyMs: 20,
      transferMs: 10,
      cloudMs: 3,
    },
    {
      name: 'device-only',
      deviceLayers: [],
      upBytes: 0,
      downBytes: 0,
      latencyMs: 40,
      transferMs: 0,
      cloudMs: 0,
    },
  ],
  axes: [
    {
      what: 'link-bandwidth',
      unit: 'bytes-per-second',
      current: 1_250_000,
      pieces: [
        {from: 1250, to: 416_667, placement: 1, latencyMsFrom: 40, latencyMsTo: 40},
        {from: 416_667, to: 1.25e10, placement: 0, latencyMsFrom: 40, latencyMsTo: 10},
      ],
    },
    {
      what: 'round-trip',
      unit: 'ms',
      current: 5,
      pieces: [
        {from: 0, to: 25, placement: 0, latencyMsFrom: 15, latencyMsTo: 40},
        {from: 25, to: null, placement: 1, latencyMsFrom: 40, latencyMsTo: 40},
      ],
    },
  ],
};

const ANSWER: MeasuredAnswer = {
  device: 'pi',
  release: '0123456789abcdef',
  requests: 60,
  samples: 960,
  measured: {totalMs: 25, p95Ms: 28, headMs: null, linkMs: 19, tailMs: 4, seenFromHereMs: 26},
  predicted: null,
};

describe('the page of a plan', () => {
  it('says what was decided, what it takes and that it is proven', () => {
    const text = textOf(pageOf(free));
    expect(text).toContain('pi with cloud cloud: cloud-only');
    expect(text).toContain('0 of 12 layers on the device, 12 in the cloud');
    const {flow} = proofFrom(free.certificate);
    expect(text).toContain(`maximum flow ${flow.toLocaleString('en-US')} ns = cut`);
    expect(text).toContain('May be pushed yes');
    expect(text).toContain('2026-01-31T12:00:00.000Z by edgewise 0.1.0');
  });

  it('does not call a plan proven whose flow is not its cut', () => {
    const text = textOf(
      pageOf({...free, certificate: {flowNs: 1, cutNs: 2}, isApplyable: false, isComplete: false}),
    );
    expect(text).toContain('not proven the best: it costs 2 ns, no placement costs less than 1 ns');
    expect(text).toContain('no: it breaks a constraint');
    expect(text).toContain('some layers have no measured time');
  });

  it.each(['free', 'no-cloud', 'pinned', 'raw-input-stays', 'slow-link'] as const)(
    'needs nothing from elsewhere and runs nothing (%s)',
    name => {
      const page = pageOf({...goldenPlan(name), envelope: ENVELOPE}, ANSWER);
      expect(page).not.toMatch(/https?:|<script|<link|<img|@import|url\((?!#)|\son\w+=/i);
      expect(page).toContain("default-src 'none'");
    },
  );

  it('closes every element, has one main heading, and skips no level of headings', () => {
    const page = pageOf({...free, envelope: ENVELOPE}, ANSWER);
    const open: string[] = [];
    for (const [, closing, name = '', rest = ''] of page.matchAll(
      /<(\/?)([a-z][a-z0-9]*)((?:[^>"]|"[^"]*")*)>/gi,
    )) {
      if (name === 'meta' || rest.endsWith('/')) continue;
      if (closing === '/') expect(open.pop()).toBe(name);
      else open.push(name);
    }
    expect(open).toEqual([]);
    const levels = [...page.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
    expect(levels.filter(level => level === 1)).toEqual([1]);
    levels.slice(1).forEach((level, at) => expect(level - levels[at]!).toBeLessThanOrEqual(1));
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    for (const [picture] of page.matchAll(/<svg [^>]*>/g))
      expect(picture).toMatch(/role="img" aria-label="[^"]+"/);
  });

  it('escapes names wherever they stand', () => {
    const name = `</style><script>alert("1")</script>&'\u001b[31m`;
    const plan = planOfGraph([
      [name, 'device', ['image']],
      ['b', 'cloud', [name]],
    ]);
    const page = pageOf({
      ...plan,
      device: name,
      cloud: name,
      madeFrom: {[name]: free.build},
      alternatives: plan.alternatives.map(row => ({...row, name, reason: name})),
      constraints: {keepRawInputOnDevice: true, pins: [{layers: name, tier: 'device'}]},
      refusals: [{reason: name, count: 1}],
      envelope: {...ENVELOPE, placements: [{...ENVELOPE.placements[0]!, name}]},
    });
    expect(page).not.toContain('<script');
    expect(page).not.toContain('\u001b');
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    expect(page).toContain('&lt;/style&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;');
  });

  it('draws the cut with the names and sizes of what crosses', () => {
    const page = pageOf(free);
    expect(page).toContain('class="cut"');
    expect(textOf(page)).toContain('CUT: 12.3 kB up over the link');
    expect(textOf(page)).toContain('↑ 12.3 kB · [1, 3, 32, 32]');
    expect(textOf(page)).toContain('↓ 40 B · [1, 10]');
  });

  it('says why there is no graph where a plan has no edges, and what crosses all the same', () => {
    const {tensors, ...old} = free;
    expect(tensors).toBeDefined();
    const text = textOf(pageOf(old));
    expect(text).toContain('This plan was made before plans knew which layer reads from which');
    expect(text).toContain('image up, 12.3 kB');
  });

  it('draws a model of 2,000 layers as the tiers it is cut into', () => {
    const layers = Array.from({length: 1000}, (_, pair): [string, 'device' | 'cloud', string[]][] => {
      const tier = pair < 400 ? 'device' : 'cloud';
      const from = pair === 0 ? 'image' : `join${pair - 1}`;
      return [
        [`conv${pair}`, tier, [from]],
        [`join${pair}`, tier, [from, `conv${pair}`]],
      ];
    }).flat();
    const page = pageOf(planOfGraph(layers));
    expect(textOf(page)).toContain('800 layers · 1.6 s');
    expect(textOf(page)).toContain('1200 layers · 1.2 s');
  });

  it('shows each alternative on one scale, with its parts in numbers', () => {
    const longest = Math.max(...free.alternatives.map(({predicted}) => predicted!.latencyMs));
    const bars = [...pageOf(free).matchAll(/<svg class="bar".*?<\/svg>/gs)].slice(
      0,
      free.alternatives.length,
    );
    bars.forEach(([bar], at) => {
      const total = [...bar.matchAll(/width="([\d.]+)"/g)].reduce((sum, [, width]) => sum + Number(width), 0);
      expect(total).toBeCloseTo((1000 * free.alternatives[at]!.predicted!.latencyMs) / longest, 0);
    });
    expect(bars).toHaveLength(free.alternatives.length);
  });

  it('names the piece of the envelope that holds now, and marks the bandwidth', () => {
    const text = textOf(pageOf({...free, envelope: ENVELOPE}));
    expect(text).toContain('2 3.33 Mbit/s to 100 Gbit/s (now) cloud-only 40 ms to 10 ms');
    expect(text).toContain('2 from 25 ms device-only');
    expect(text).toContain('now 10 Mbit/s');
  });

  it('draws the envelope where its formula puts it', () => {
    const page = pageOf({...free, envelope: ENVELOPE});
    const [, second] = [...page.matchAll(/<polyline [^>]*points="([^"]*)"/g)].map(([, points = '']) =>
      points.split(' ').map(point => point.split(',').map(Number)),
    );
    const [[startX = 0] = [], [endX = 0] = []] = [second!.at(0), second!.at(-1)];
    // 7 decades from 84 to 610 px; the second piece begins at 416,667 of 1,250 bytes per second.
    expect(startX).toBeCloseTo(84 + ((610 - 84) * Math.log10(416_667 / 1250)) / 7, 0);
    expect(endX).toBeCloseTo(610, 0);
    // The axis ends at 50 ms: 264 px is 0 ms, 44 px is 50 ms.
    expect(second![0]![1]).toBeCloseTo(264 - (220 * 40) / 50, 0);
    expect(second!.at(-1)![1]).toBeCloseTo(264 - (220 * 10) / 50, 0);
  });

  it('says that nothing was measured, or sets the measurement beside the prediction', () => {
    expect(textOf(pageOf(free))).toContain('No measurement was given to this page');
    const text = textOf(pageOf(free, ANSWER));
    expect(text).toContain('Medians over 60 requests of 960 samples');
    expect(text).toContain('measured 25 ms link 19 ms cloud 4 ms serving 2 ms');
  });

  it('is the same for the same plan', () => expect(pageOf(free)).toBe(pageOf(goldenPlan('free'))));
});

describe('the front of two goals on the page', () => {
  const pareto: NonNullable<Plan['pareto']> = {
    goals: ['latency', 'energy'],
    points: [40, 60, 90].map((latencyMs, at) => ({
      name: `cut ${at}`,
      runs: [],
      predicted: {...free.predicted, latencyMs, energyMillijoules: 100 / latencyMs},
      isChosen: at === 0,
      isSupported: at !== 1,
      toNext: 'all',
    })),
    isComplete: true,
  };

  it('is a chart with a point and a row for each placement, the plan marked', () => {
    const page = pageOf({...free, pareto});
    expect(page.match(/<circle class="point/g)).toHaveLength(3);
    expect(page).toContain('<circle class="point chosen"');
    expect(page).toContain('<circle class="point inside"');
    expect(textOf(page)).toMatch(/1 cut 0 40 2\.5 this plan 2 cut 1 60 1\.667 inside the hull/);
    expect(textOf(page)).toContain('Proven: each of these, and that there are no others.');
  });

  it('is left out where it was not asked for', () => {
    expect(textOf(pageOf(free))).not.toContain('What one goal costs in the other');
  });
});
