import {expect, test} from 'vitest';
import {ExpectedError} from '../../../../src/errors.ts';
import {placeOnTiers} from '../../../../src/placement/tiers/placeOnTiers.ts';
import type {TierLayer, TierLink, TierProblem} from '../../../../src/placement/tiers/tierProblem.ts';

const tierNames = ['device', 'gateway', 'cloud'];

function link(from: number, to: number, nsPerByte: number, roundTripNs = 0): TierLink {
  return {from, to, upNsPerByte: nsPerByte, downNsPerByte: nsPerByte, roundTripNs};
}

/** A chain whose last tensor is the output; `bytes` has one more entry than `times`, the first is the input's. */
function chain(
  times: readonly (readonly (number | null)[])[],
  bytes: readonly number[],
  links: readonly TierLink[],
  more: Partial<Omit<TierProblem, 'layers'>> & {readonly layers?: readonly Partial<TierLayer>[]} = {},
): TierProblem {
  const {layers = [], ...rest} = more;
  const tierCount = times[0]!.length;
  return {
    tierCount,
    layers: times.map((timesNs, index) => ({
      name: `layer${index}`,
      timesNs,
      weightBytes: 100,
      ...layers[index],
    })),
    tensors: bytes.map((each, index) => ({
      name: `tensor${index}`,
      bytes: each,
      producer: index === 0 ? null : index - 1,
      consumers: index === times.length ? [] : [index],
      isOutput: index === times.length,
    })),
    links,
    memoryBytes: new Array<null>(tierCount).fill(null),
    direction: 'one-way',
    ...rest,
  };
}

function sentenceOf(problem: TierProblem): string {
  try {
    placeOnTiers(problem, {objective: 'latency', tierNames});
  } catch (error) {
    if (error instanceof ExpectedError && error.code === 'nothing-feasible') return error.message;
    throw error;
  }
  throw new Error('it is feasible');
}

const three = [
  [100, 40, 10],
  [100, 40, 10],
  [100, 40, 10],
];

test('three tiers in a row: each boundary lies where its tensor is smallest', () => {
  const relay = [link(0, 1, 1), link(1, 2, 1)];
  const placement = placeOnTiers(chain(three, [500, 5, 5, 1], relay), {objective: 'latency'});
  expect(placement.tiers).toEqual([0, 2, 2]);
  expect(placement.latencyNs).toBe(100 + 10 + 10 + (5 + 5) + (1 + 1));
  expect(placement.certificate).toEqual({isOptimal: true, flowNs: 132, cutNs: 132, boundNs: 132});
});

test('a tier that only relays costs its round trip too', () => {
  const relay = [link(0, 1, 0, 30), link(1, 2, 0, 1)];
  const placement = placeOnTiers(chain([[100, null, 60]], [1, 1], relay), {objective: 'latency'});
  expect(placement.tiers).toEqual([2]);
  expect(placement.latencyNs).toBe(60 + 30 + 1);
  const dearer = [link(0, 1, 0, 40), link(1, 2, 0, 1)];
  expect(placeOnTiers(chain([[100, null, 60]], [1, 1], dearer), {objective: 'latency'}).tiers).toEqual([0]);
});

test('a direct link cheaper than the way round, which no ordered cut can tell, is still solved exactly', () => {
  const links = [link(0, 1, 10), link(1, 2, 10), link(0, 2, 12)];
  const pinned = {layers: [{allowedTiers: [0]}, {allowedTiers: [1]}, {allowedTiers: [2]}]};
  const placement = placeOnTiers(chain(three, [1, 1, 1, 0], links, pinned), {objective: 'latency'});
  expect(placement.latencyNs).toBe(100 + 40 + 10 + 10 + 10);
  expect(placement.certificate.isOptimal).toBe(true);
});

test('several devices in a row are tiers like any other', () => {
  const tierCount = 6;
  const times = Array.from({length: 12}, () => new Array<number>(tierCount).fill(10));
  const row = Array.from({length: tierCount - 1}, (_, tier) => link(tier, tier + 1, 1));
  const placement = placeOnTiers(chain(times, new Array<number>(13).fill(1), row), {objective: 'throughput'});
  expect(placement.bottleneckNs).toBe(20);
  expect(placement.certificate.isOptimal).toBe(true);
});

test('throughput divides what latency keeps together', () => {
  const equal = [
    [10, 10],
    [10, 10],
  ];
  const problem = chain(equal, [1, 1, 1], [link(0, 1, 1, 1)]);
  expect(placeOnTiers(problem, {objective: 'latency'}).tiers).toEqual([0, 0]);
  const placement = placeOnTiers(problem, {objective: 'throughput'});
  expect(placement.tiers).toEqual([0, 1]);
  expect(placement.bottleneckNs).toBe(10);
});

test('of equally fast placements the lowest is taken', () => {
  const equal = [
    [10, 10, 10],
    [10, 10, 10],
  ];
  const free = [link(0, 1, 0), link(1, 2, 0)];
  expect(placeOnTiers(chain(equal, [1, 1, 1], free), {objective: 'latency'}).tiers).toEqual([0, 0]);
});

test('memory moves layers up, and the plan is still proven', () => {
  const relay = [link(0, 1, 1), link(1, 2, 1)];
  const limited = {memoryBytes: [100, 100, null]};
  const placement = placeOnTiers(
    chain(
      [
        [1, 9, 90],
        [1, 9, 90],
        [1, 9, 90],
      ],
      [1, 1, 1, 1],
      relay,
      limited,
    ),
    {
      objective: 'latency',
    },
  );
  expect(placement.tiers).toEqual([0, 1, 2]);
  expect(placement.certificate.isOptimal).toBe(true);
});

test('layers that are joined to no input and no output pay a round trip only when they are divided', () => {
  const base = chain(
    [
      [10, 5],
      [10, 5],
      [0, 9],
    ],
    [1, 1, 1, 1],
    [link(0, 1, 0, 7)],
  );
  const island: TierProblem = {
    ...base,
    tensors: [{name: 'between', bytes: 1, producer: 0, consumers: [1, 2], isOutput: false}],
  };
  expect(placeOnTiers(island, {objective: 'latency'}).latencyNs).toBe(5 + 5 + 9);
  const cheaper: TierProblem = {...island, direction: 'two-way', links: [link(0, 1, 0, 3)]};
  expect(placeOnTiers(cheaper, {objective: 'latency'}).latencyNs).toBe(5 + 5 + 0 + 3);
});

test('a problem without layers costs nothing', () => {
  const empty: TierProblem = {...chain([[1, 1]], [1, 1], []), layers: [], tensors: []};
  expect(placeOnTiers(empty, {objective: 'latency'})).toMatchObject({
    tiers: [],
    latencyNs: 0,
    certificate: {isOptimal: true},
  });
});

test('pins against the order of tiers are told by their layers', () => {
  const relay = [link(0, 1, 1), link(1, 2, 1)];
  const pins = {layers: [{allowedTiers: [2]}, {}, {allowedTiers: [0, 1]}]};
  expect(sentenceOf(chain(three, [1, 1, 1, 1], relay, pins))).toBe(
    'No placement fits: layer layer0 may run on cloud only, layer layer2 may run on device or gateway only, ' +
      'and what is handed from one to the other only goes up, over the links that there are.',
  );
});

test('a layer without a tier, and one that no link leads to, are told', () => {
  expect(sentenceOf(chain([[null, null]], [1, 1], [link(0, 1, 1)]))).toBe(
    'No placement fits: layer layer0 may run on no tier.',
  );
  expect(sentenceOf(chain([[null, null, 1]], [1, 1], [link(0, 1, 1)]))).toBe(
    'No placement fits: layer layer0 may run on cloud only, and no link leads there from device.',
  );
});

test('memory that is short is told by how many bytes', () => {
  const relay = [link(0, 1, 1), link(1, 2, 1)];
  const pins = {layers: [{allowedTiers: [0]}, {allowedTiers: [0]}], memoryBytes: [150, null, null]};
  expect(sentenceOf(chain(three, [1, 1, 1, 1], relay, pins))).toBe(
    'No placement fits: weights of at least 200 bytes have to be on device, with 150 bytes of memory: 50 bytes are missing.',
  );
  expect(sentenceOf(chain(three, [1, 1, 1, 1], relay, {memoryBytes: [120, 120, 50]}))).toBe(
    'No placement fits: weights of at least 300 bytes have to be on device and gateway and cloud, ' +
      'with 290 bytes of memory: 10 bytes are missing.',
  );
  expect(sentenceOf(chain(three, [1, 1, 1, 1], relay, {memoryBytes: [150, 199, 0]}))).toMatch(
    /^No placement fits: the layers' weights cannot be divided so that they keep within 150 bytes on device/,
  );
});

test('a tier that no link leads to is told, and one that only a link past its neighbour leads to is used', () => {
  const pairs = [link(0, 2, 1), link(1, 3, 1)];
  const times = [[null, 1, 1, 1]];
  expect(placeOnTiers(chain(times, [1, 1], pairs), {objective: 'latency'}).tiers).toEqual([2]);
  const apart = chain([[null, 1, null, 1]], [1, 1], pairs);
  expect(() => placeOnTiers(apart, {objective: 'latency'})).toThrow(
    'No placement fits: layer layer0 may run on tier 1 or tier 3 only, and no link leads there from tier 0.',
  );
});

test('the same problem has the same answer every time', () => {
  const links = [link(0, 1, 10, 3), link(1, 2, 10, 3), link(0, 2, 12, 3)];
  const problem = chain(three, [3, 9, 2, 1], links, {direction: 'two-way', memoryBytes: [200, 100, 200]});
  for (const objective of ['latency', 'throughput'] as const)
    expect(placeOnTiers(problem, {objective})).toEqual(placeOnTiers(problem, {objective}));
});
