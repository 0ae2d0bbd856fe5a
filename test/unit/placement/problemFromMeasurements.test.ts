import {describe, expect, it} from 'vitest';
import {EXIT, ExpectedError} from '../../../src/errors.ts';
import type {LayerRow, TensorRow} from '../../../src/placement/measurements.ts';
import {problemFromMeasurements} from '../../../src/placement/problemFromMeasurements.ts';
import {ARTICLE_CLOUD, ARTICLE_DEVICE, ARTICLE_LINK, articleMeasurements} from './articleNetwork.ts';
import type {ArticleChanges} from './articleNetwork.ts';

function failureOf(changed: ArticleChanges): ExpectedError {
  try {
    problemFromMeasurements(articleMeasurements(changed));
  } catch (error) {
    if (error instanceof ExpectedError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const {layers, tensors} = articleMeasurements();
const [device, cloud] = [ARTICLE_DEVICE, ARTICLE_CLOUD];

describe('the problem of a measured model', () => {
  const {problem, refusals} = problemFromMeasurements(articleMeasurements());

  it('counts in whole nanoseconds and leaves the weights out', () => {
    expect(problem.layers[1]).toEqual({name: 'conv1', deviceNs: 9_600_000, cloudNs: 800_000});
    expect(problem.tensors.map(({name}) => name)).toEqual([
      'image',
      ...layers.map(({name}) => `${name}_out`),
    ]);
    expect(problem.tensors[0]).toEqual({
      name: 'image',
      bytes: 12288,
      producer: null,
      consumers: [0],
      isOutput: false,
      canCross: true,
    });
    expect(problem.link).toEqual({fixedNs: 8_000_000, upNsPerByte: 400, downNsPerByte: 200, perTensorNs: 0});
    expect(refusals).toEqual([]);
  });

  it('charges what the cut itself costs', () => {
    const charged = problemFromMeasurements(
      articleMeasurements({cutCosts: {fixedMs: 0.5, perTensorMs: 0.25}}),
    );
    expect(charged.problem.link).toMatchObject({fixedNs: 8_500_000, perTensorNs: 250_000});
  });

  it('charges handing over to the link where that was measured', () => {
    const handover = {fixedMs: 2.5, nsPerByte: 3.25, samples: 96, obtained: 'measured'} as const;
    const charged = problemFromMeasurements(articleMeasurements({link: {...ARTICLE_LINK, handover}}));
    expect(charged.problem.link).toMatchObject({cutFixedNs: 2_500_000, handoverNsPerByte: 3.25});
  });

  it('has no link when either the cloud or the link was not measured', () => {
    for (const changed of [{cloud: null}, {link: null}]) {
      const without = problemFromMeasurements(articleMeasurements(changed)).problem;
      expect(without.link).toBeNull();
      expect(without.layers.every(({cloudNs}) => cloudNs === null)).toBe(true);
    }
  });

  it('keeps the raw input and its views on the device', () => {
    const kept = problemFromMeasurements(
      articleMeasurements({constraints: {keepRawInputOnDevice: true, pins: []}}),
    );
    expect(kept.problem.tensors.filter(({canCross}) => !canCross).map(({name}) => name)).toEqual([
      'image',
      'scale_out',
    ]);
    expect(kept.refusals).toEqual([{reason: 'raw-input-stays-on-device', count: 2}]);
  });

  it.each([
    ['element-type-cannot-travel', {elementType: 'int4'}],
    ['element-type-cannot-travel', {elementType: 'bfloat16'}],
    ['element-type-cannot-travel', {elementType: 'float8e4m3fn'}],
    ['tensor-of-unknown-size', {elementType: 'string'}],
    ['tensor-of-unknown-size', {shape: null}],
    ['tensor-of-unknown-size', {elementType: null, shape: null}],
  ] as [string, Partial<TensorRow>][])('cannot send a tensor: %s %j', (reason, changed) => {
    const rows = [...tensors].map(row => (row.name === 'pool1_out' ? {...row, ...changed} : row));
    const made = problemFromMeasurements(articleMeasurements({tensors: rows}));
    expect(made.problem.tensors.find(({name}) => name === 'pool1_out')!.canCross).toBe(false);
    expect(made.refusals).toEqual([{reason, count: 1}]);
  });

  it('sees what bodies of control flow read from outside', () => {
    const withBody = layers.map((layer, index): LayerRow =>
      index === 5 ? {...layer, outerInputs: ['image']} : layer,
    );
    const made = problemFromMeasurements(articleMeasurements({layers: withBody}));
    expect(made.problem.tensors[0]!.consumers).toEqual([0, 5]);
  });

  it('takes the other machine’s time for a layer that one did not time', () => {
    const sparse = {...cloud, layers: cloud.layers.filter(({name}) => name !== 'conv1')};
    const made = problemFromMeasurements(articleMeasurements({cloud: sparse}));
    expect(made.problem.layers[1]).toMatchObject({deviceNs: 9_600_000, cloudNs: 9_600_000});
    expect(made.refusals).toEqual([{reason: 'layer-without-measured-time', count: 1}]);
  });
});

describe('a profile is stale', () => {
  const stale: Record<string, [ArticleChanges, RegExp]> = {
    'when it is of another build': [
      {device: {...device, build: `sha256:${'b'.repeat(64)}`}},
      /^The device's profile does not fit the model: it is of build sha256:b{12}, the model's build is sha256:a{12}\.$/,
    ],
    'when it names a layer that the model lacks': [
      {cloud: {...cloud, layers: [...cloud.layers, {name: 'conv9', operator: 'Conv', ms: 1}]}},
      /^The cloud's profile .* has a layer conv9, the model has none/,
    ],
    'when a layer is another operator': [
      {
        device: {
          ...device,
          layers: device.layers.map(row => (row.name === 'conv1' ? {...row, operator: 'Gemm'} : row)),
        },
      },
      /layer conv1 is Gemm there and Conv in the model/,
    ],
    'when it has no layer times at all': [{device: {...device, layers: []}}, /it has no layer times/],
  };
  it.each(Object.entries(stale))('%s', (_, [changed, message]) => {
    const error = failureOf(changed);
    expect(error).toMatchObject({code: 'profile-stale', exitCode: EXIT.stale});
    expect(error.message).toMatch(message);
    expect(error.hints).toHaveLength(1);
  });
});

describe('pins', () => {
  const pinned = (...pins: {layers: string; tier: 'device' | 'cloud'}[]): ArticleChanges => ({
    constraints: {keepRawInputOnDevice: false, pins},
  });

  it('match names and patterns', () => {
    const {problem} = problemFromMeasurements(
      articleMeasurements(pinned({layers: '*1', tier: 'device'}, {layers: 'softmax', tier: 'cloud'})),
    );
    const names = (tier: string): string[] =>
      problem.layers.filter(({pin}) => pin?.tier === tier).map(({name}) => name);
    expect(names('device')).toEqual(['conv1', 'relu1', 'pool1', 'dense1']);
    expect(names('cloud')).toEqual(['softmax']);
  });

  it('take letters that mean something in expressions as they are', () => {
    const odd = layers.map((layer, index): LayerRow =>
      index === 1 ? {...layer, name: '/block.1/[conv]*'} : layer,
    );
    const rename = (times: typeof device): typeof device => ({
      ...times,
      layers: times.layers.map(row => (row.name === 'conv1' ? {...row, name: '/block.1/[conv]*'} : row)),
    });
    const made = problemFromMeasurements(
      articleMeasurements({
        layers: odd,
        device: rename(device),
        cloud: rename(cloud),
        ...pinned({layers: '/block.1/[conv]*', tier: 'device'}),
      }),
    );
    expect(made.problem.layers.filter(({pin}) => pin !== undefined)).toHaveLength(1);
  });

  it('that match nothing are a usage error', () => {
    expect(failureOf(pinned({layers: 'conv3', tier: 'device'}))).toMatchObject({
      code: 'pin-matches-nothing',
      exitCode: EXIT.usage,
    });
  });

  it('that contradict each other on a layer are named', () => {
    expect(
      failureOf(pinned({layers: 'conv*', tier: 'device'}, {layers: 'conv2', tier: 'cloud'})),
    ).toMatchObject({
      code: 'nothing-feasible',
      exitCode: EXIT.unsupported,
      message: 'Layer conv2 is pinned to the device by "conv*" and to the cloud by "conv2".',
    });
  });
});

describe('rows that are no model are refused by name', () => {
  it.each([
    ['layers out of order', {layers: [...layers].reverse()}],
    [
      'two producers',
      {layers: layers.map((layer, index) => (index === 3 ? {...layer, outputs: ['conv1_out']} : layer))},
    ],
    ['a tensor without a row', {tensors: [...tensors].filter(({name}) => name !== 'relu1_out')}],
    [
      'a tensor from nowhere',
      {tensors: [...tensors].map(row => (row.name === 'image' ? {...row, isInput: false} : row))},
    ],
  ] as [string, ArticleChanges][])('%s', (_, changed) => {
    expect(failureOf(changed)).toMatchObject({code: 'model-invalid', exitCode: EXIT.invalidDocument});
  });
});
