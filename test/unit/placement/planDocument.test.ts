import {fileURLToPath} from 'node:url';
import {describe, expect, it} from 'vitest';
import type {Plan} from '../../../src/documents/plan.ts';
import {proofFrom} from '../../../src/documents/planProof.ts';
import {arrangeDocument, yamlFromDocument} from '../../../src/documents/printDocument.ts';
import {planFromYaml} from '../../../src/documents/readDocument.ts';
import {writeHeader} from '../../../src/documents/writeHeader.ts';
import {explainPlan} from '../../../src/placement/explainPlan.ts';
import {planDocument} from '../../../src/placement/planDocument.ts';
import {ARTICLE_DEVICE, ARTICLE_LINK, articleMeasurements, SESSION_OVERHEAD_MS} from './articleNetwork.ts';
import type {ArticleChanges} from './articleNetwork.ts';

const header = writeHeader('plan', {
  version: '0.1.0',
  now: new Date('2026-01-31T12:00:00Z'),
  madeFrom: {model: `sha256:${'1'.repeat(64)}`, 'profiles/pi.yaml': `sha256:${'2'.repeat(64)}`},
});

function planFor(changed: ArticleChanges = {}): Plan {
  return planDocument({header, measurements: articleMeasurements(changed)});
}

const rawStays = {keepRawInputOnDevice: true, pins: []} as const;
const link = ARTICLE_LINK;

describe('the golden plans of the article’s network', () => {
  it.each([
    ['free', {}],
    ['raw-input-stays', {constraints: rawStays}],
    ['slow-link', {link: {...link, upBytesPerSecond: 60_000, fixedMs: 60, roundTripMs: 55}}],
    ['slow-link-raw-input-stays', {constraints: rawStays, link: {...link, upBytesPerSecond: 1_000_000}}],
    ['no-cloud', {cloud: null, link: null}],
    ['pinned', {constraints: {keepRawInputOnDevice: false, pins: [{layers: 'conv*', tier: 'device'}]}}],
  ] as [string, ArticleChanges][])('%s', async (name, changed) => {
    const file = fileURLToPath(new URL(`../../golden/article-${name}.plan.yaml`, import.meta.url));
    const text = yamlFromDocument('plan', planFor(changed));
    await expect(text).toMatchFileSnapshot(file);
    expect(planFromYaml(text, file)).toEqual(arrangeDocument('plan', planFor(changed)));
  });
});

describe('a plan', () => {
  it.each([
    ['free', planFor()],
    ['with the raw input kept', planFor({constraints: rawStays})],
    ['without a cloud', planFor({cloud: null, link: null})],
  ])('%s adds up', (_, plan) => {
    const {latencyMs, deviceMs, linkMs, cloudMs, overheadMs, upBytes, downBytes} = plan.predicted;
    expect(deviceMs + linkMs + cloudMs + overheadMs).toBeCloseTo(latencyMs, 9);
    const {unit, flow, cut, bound, isOptimal} = proofFrom(plan.certificate);
    expect({unit, flow, bound, isOptimal}).toEqual({unit: 'ns', flow: cut, bound: cut, isOptimal: true});
    // What serving costs wherever layers run is the same for every placement, so the cut knows only of the session's part.
    const sessionMs = plan.layers.some(({tier}) => tier === 'device') ? SESSION_OVERHEAD_MS : 0;
    expect(cut / 1e6 + overheadMs - sessionMs).toBeCloseTo(latencyMs, 9);
    const sum = (direction: string): number =>
      plan.cut.filter(row => row.direction === direction).reduce((total, row) => total + row.bytes, 0);
    expect([sum('up'), sum('down')]).toEqual([upBytes, downBytes]);
    const layersMs = plan.layers.reduce(
      (total, layer) => total + (layer.tier === 'device' ? layer.deviceMs : layer.cloudMs!),
      0,
    );
    expect(layersMs).toBeCloseTo(deviceMs + cloudMs, 9);
    const names = plan.alternatives.map(({name}) => name);
    expect(names).toContain('device-only');
    expect(names).toContain('cloud-only');
    expect(new Set(names).size).toBe(names.length);
    const costs = plan.alternatives
      .filter(row => row.verdict !== 'not-allowed')
      .map(row => row.predicted!.latencyMs);
    expect(Math.min(...costs)).toBe(latencyMs);
  });

  it('says that the raw input is why layers stay on the device that would otherwise move', () => {
    const free = planFor();
    const kept = planFor({constraints: rawStays});
    expect(free.layers[0]!.tier).toBe('cloud');
    for (const [index, layer] of kept.layers.entries())
      expect(layer.reason === 'keeps-raw-input-on-device').toBe(
        layer.tier === 'device' && free.layers[index]!.tier === 'cloud',
      );
    expect(kept.refusals).toContainEqual({reason: 'raw-input-stays-on-device', count: 2});
    expect(kept.alternatives.find(({name}) => name === 'cloud-only')).toMatchObject({
      verdict: 'not-allowed',
      reason: 'tensor image must not cross the link',
    });
  });

  it('says which layer makes each tensor and which read it', () => {
    const {layers, tensors = []} = planFor();
    const named = tensors.map(({name, producer, consumers}) => [
      name,
      producer === null ? null : layers[producer]!.name,
      consumers.map(index => layers[index]!.name),
    ]);
    expect(named.slice(0, 2)).toEqual([
      ['image', null, ['scale']],
      ['scale_out', 'scale', ['conv1']],
    ]);
    expect(named.at(-1)).toEqual(['softmax_out', 'softmax', []]);
    expect(tensors.filter(({isOutput}) => isOutput).map(({name}) => name)).toEqual(['softmax_out']);
  });

  it('says saves-transfer where the cloud is faster and the layer stays all the same', () => {
    const plan = planFor({link: {...link, upBytesPerSecond: 1_000_000}, constraints: rawStays});
    const conv1 = plan.layers.find(({name}) => name === 'conv1')!;
    expect(conv1.tier).toBe('device');
    const alone = planFor({link: {...link, upBytesPerSecond: 60_000, fixedMs: 60}});
    expect(new Set(alone.layers.map(({tier, reason}) => `${tier} ${reason}`))).toEqual(
      new Set(['device saves-transfer']),
    );
  });

  it('names a pin for the layer it names and for what feeds that layer', () => {
    const plan = planFor({
      constraints: {keepRawInputOnDevice: false, pins: [{layers: 'conv2', tier: 'device'}]},
    });
    const pinned = plan.layers.filter(({reason}) => reason === 'pinned-by-user').map(({name}) => name);
    expect(pinned.slice(0, 5)).toEqual(['scale', 'conv1', 'relu1', 'pool1', 'conv2']);
  });

  it('names a pin even where the layers would be there anyway, but not for what the pin leaves free', () => {
    const slow = {...link, upBytesPerSecond: 60_000, fixedMs: 60};
    const plan = planFor({
      link: slow,
      constraints: {keepRawInputOnDevice: false, pins: [{layers: 'conv2', tier: 'device'}]},
    });
    expect(plan.layers.map(({tier}) => tier)).toEqual(plan.layers.map(() => 'device'));
    const pinned = plan.layers.filter(({reason}) => reason === 'pinned-by-user').map(({name}) => name);
    expect(pinned).toEqual(['scale', 'conv1', 'relu1', 'pool1', 'conv2']);
    const up = planFor({
      constraints: {keepRawInputOnDevice: false, pins: [{layers: 'pool2', tier: 'cloud'}]},
    });
    const held = up.layers.filter(({reason}) => reason === 'pinned-by-user').map(({name}) => name);
    expect(held).toEqual(['pool2', 'flatten', 'dense1', 'relu3', 'dense2', 'softmax']);
  });

  it('counts a weight on the tier whose layers read it', () => {
    const plan = planFor({
      constraints: {
        keepRawInputOnDevice: false,
        pins: [
          {layers: 'pool1', tier: 'device'},
          {layers: 'conv2', tier: 'cloud'},
        ],
      },
    });
    expect(plan.predicted.deviceWeightBytes).toBe(4 * (1 + 32 * 3 * 9 + 32));
    expect(plan.predicted.cloudWeightBytes).toBe(4 * (64 * 32 * 9 + 64 + 4096 * 128 + 128 + 128 * 10 + 10));
  });

  it('is incomplete when a layer has no time on either machine, and says how many', () => {
    const without = {
      ...ARTICLE_DEVICE,
      layers: ARTICLE_DEVICE.layers.filter(({name}) => name !== 'flatten'),
    };
    const plan = planFor({device: without});
    expect(plan.isComplete).toBe(false);
    expect(plan.refusals).toContainEqual({reason: 'layer-without-measured-time', count: 1});
    expect(plan.layers.find(({name}) => name === 'flatten')!.deviceMs).toBe(0.005);
  });
});

describe('what would change the answer', () => {
  const plan = planFor({constraints: rawStays});

  it.each([
    ['link-bandwidth', 'below'],
    ['round-trip', 'above'],
  ])('the %s %s its threshold makes the named placement the plan', (what, direction) => {
    const change = plan.changes!.find(row => row.what === what && row.direction === direction)!;
    const at = (factor: number): string => {
      const value = change.threshold * factor;
      const changed =
        what === 'round-trip'
          ? {...link, fixedMs: link.fixedMs + value - link.roundTripMs}
          : {
              ...link,
              upBytesPerSecond: value,
              downBytesPerSecond: (link.downBytesPerSecond * value) / link.upBytesPerSecond,
            };
      return planFor({constraints: rawStays, link: changed}).alternatives.find(
        row => row.verdict === 'chosen',
      )!.name;
    };
    const chosen = plan.alternatives.find(row => row.verdict === 'chosen')!.name;
    const [inside, outside] = direction === 'below' ? [1.001, 0.999] : [0.999, 1.001];
    expect(at(inside)).toBe(chosen);
    expect(at(outside)).toBe(change.becomes);
    expect(plan.alternatives.map(({name}) => name)).toContain(change.becomes);
  });

  it('leads away from device-only too', () => {
    const slow = planFor({link: {...link, fixedMs: 60, roundTripMs: 58}});
    expect(slow.alternatives.find(row => row.verdict === 'chosen')!.name).toBe('device-only');
    const change = slow.changes!.find(row => row.what === 'round-trip')!;
    expect(change.direction).toBe('below');
    const faster = planFor({
      link: {...link, fixedMs: 60 - 58 + change.threshold - 0.001, roundTripMs: change.threshold},
    });
    expect(faster.alternatives.find(row => row.verdict === 'chosen')!.name).toBe(change.becomes);
  });
});

describe('an explanation', () => {
  const plan = planFor({constraints: rawStays});
  const explanation = explainPlan(plan);

  it('puts every layer into one group, in order', () => {
    expect(explanation.groups.flatMap(({layers}) => layers)).toEqual(plan.layers.map(({name}) => name));
    const ms = explanation.groups.reduce((sum, group) => sum + group.ms, 0);
    expect(ms).toBeCloseTo(plan.predicted.deviceMs + plan.predicted.cloudMs, 9);
  });

  it('lists the runners-up cheapest first and what is not allowed last, without a time', () => {
    const times = explanation.runnerUps.map(({latencyMs}) => latencyMs ?? Infinity);
    expect(times).toEqual([...times].sort((left, right) => left - right));
    expect(explanation.runnerUps.at(-1)).toMatchObject({
      name: 'cloud-only',
      latencyMs: null,
      differenceMs: null,
    });
    for (const {differenceMs} of explanation.runnerUps) expect(differenceMs ?? 0).toBeGreaterThanOrEqual(0);
  });

  it('is the same from the plan file as from the plan', () => {
    const read = explainPlan(planFromYaml(yamlFromDocument('plan', plan), 'plan.yaml'));
    expect(read).toEqual(explainPlan(arrangeDocument('plan', plan)));
  });
});
