import {describe, expect, it} from 'vitest';
import {costsFromYaml} from '../../../src/documents/readDocument.ts';
import type {Costs} from '../../../src/documents/costs.ts';
import {EXIT, ExpectedError} from '../../../src/errors.ts';

type Loose<T> = T extends readonly (infer Item)[]
  ? Loose<Item>[]
  : T extends object
    ? {-readonly [K in keyof T]?: Loose<T[K]>}
    : unknown;

/** Line by line, so that places can be counted: layers stand in lines 5 and 6, tensors 8 and 9, pins 11. */
const TABLE = `kind: edgewise/costs
formatVersion: 1
tiers: [device, gateway, cloud]
layers:
  - {name: conv1, timeMs: {device: 12.5, gateway: 3.1, cloud: 0.4}, weightBytes: 9408}
  - {name: relu1, timeMs: {device: 2, gateway: 1, cloud: 0.1}}
tensors:
  - {name: x, bytes: 150528, producer: null, consumers: [conv1], isOutput: false}
  - {name: y, bytes: 64, producer: conv1, consumers: [relu1], isOutput: true}
pins:
  - {layer: conv1, tier: device}
links:
  - {from: device, to: gateway, upMbitPerSecond: 20, downMbitPerSecond: 20, roundTripMs: 20}
memoryBytes: {device: 536870912}
`;

function problemOf(text: string): string {
  try {
    costsFromYaml(text, 'costs.yaml');
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
    expect([error.code, error.exitCode]).toEqual(['invalid-document', EXIT.invalidDocument]);
    return error.message;
  }
  throw new Error('the table was accepted');
}

/** What is said when `from` is replaced; the text must hold it. */
function problemWith(from: string, to: string): string {
  expect(TABLE).toContain(from);
  return problemOf(TABLE.replace(from, to));
}

describe('a table of costs', () => {
  it('is read, with what may be left out filled in', () => {
    const costs = costsFromYaml(TABLE, 'costs.yaml');
    expect(costs).toMatchObject({direction: 'one-way', objective: 'latency'});
    expect(costs.layers.map(({weightBytes}) => weightBytes)).toEqual([9408, 0]);
    const bare = costsFromYaml(
      TABLE.replace(/pins:\n.*\n/, '').replace(/memoryBytes: .*\n/, ''),
      'costs.yaml',
    );
    expect([bare.pins, bare.memoryBytes]).toEqual([[], {}]);
  });

  it('is read as JSON too', () => {
    const costs = costsFromYaml(TABLE, 'costs.yaml');
    expect(costsFromYaml(JSON.stringify(costs), 'costs.json')).toEqual(costs);
  });

  it('may name its schema for editors, before its kind', () => {
    const costs = costsFromYaml(TABLE, 'costs.yaml');
    const named = {$schema: '../templates/schemas/costs.schema.json', ...costs};
    expect(costsFromYaml(JSON.stringify(named), 'costs.json').layers).toEqual(costs.layers);
  });

  it('may have one tier, no link and a layer that nothing joins', () => {
    const text =
      'kind: edgewise/costs\nformatVersion: 1\ntiers: [here]\nlayers: [{name: a, timeMs: {here: 1}}]\ntensors: []\nlinks: []\n';
    expect(costsFromYaml(text, 'costs.yaml').tiers).toEqual(['here']);
  });

  it.each<[string, string, string, string]>([
    [
      'a misspelt key',
      'weightBytes: 9408',
      'weightbytes: 9408',
      '5:69: unknown key "weightbytes" in layers[0], did you mean "weightBytes"?',
    ],
    [
      'a negative time, with layer and tier',
      'gateway: 1,',
      'gateway: -1,',
      '6:48: layers[1].timeMs.gateway of "relu1" is -1, expected at least 0',
    ],
    [
      'a time that is no number',
      'gateway: 1,',
      'gateway: .nan,',
      '6:48: layers[1].timeMs.gateway of "relu1" is NaN, expected a number',
    ],
    [
      'an infinite time',
      'gateway: 1,',
      'gateway: 1e999,',
      '6:48: layers[1].timeMs.gateway of "relu1" is Infinity, expected a number',
    ],
    [
      'a missing time',
      'gateway: 1,',
      'gateway: null,',
      '6:48: layers[1].timeMs.gateway of "relu1" is empty, expected a number',
    ],
    [
      'a layer that can run nowhere',
      '{device: 2, gateway: 1, cloud: 0.1}',
      '{}',
      '6:27: layers[1].timeMs is a mapping, expected a time on at least one tier: layer "relu1" can run nowhere',
    ],
    [
      'a tier that there is none of, in a time',
      'gateway: 1,',
      'gatway: 1,',
      '6:47: layers[1].timeMs.gatway of "relu1" is 1, expected the name of a tier as the key: did you mean "gateway"?',
    ],
    [
      'a tier that there is none of, in a pin',
      'tier: device}',
      'tier: moon}',
      '11:26: pins[0].tier is the string "moon", expected the name of a tier: one of "device", "gateway", "cloud"',
    ],
    [
      'a tier that there is none of, in the memory limits',
      'memoryBytes: {device',
      'memoryBytes: {devise',
      '14:23: memoryBytes.devise is 536870912, expected the name of a tier as the key: did you mean "device"?',
    ],
    [
      'a pin that fits no layer',
      'layer: conv1,',
      'layer: convx*,',
      '11:13: pins[0].layer is the string "convx*", expected the name of a layer, or a pattern that fits one: did you mean "conv1"?',
    ],
    [
      'two tiers of one name',
      '[device, gateway, cloud]',
      '[device, gateway, cloud, cloud]',
      '3:33: tiers[3] is the string "cloud", expected a name that no other tier has: tiers[2] is the same',
    ],
    [
      'two tensors of one name',
      'name: y',
      'name: x',
      '9:12: tensors[1].name is the string "x", expected a name that no other tensor has: tensors[0] is the same',
    ],
    [
      'a tensor whose producer is unknown',
      'producer: conv1',
      'producer: conv2',
      '9:36: tensors[1].producer is the string "conv2", expected the name of a layer: did you mean "conv1"?',
    ],
    [
      'a tensor without producer',
      'producer: conv1, ',
      '',
      '9:5: key "producer" in tensors[1] is missing, expected a string or null',
    ],
    [
      'a tensor whose consumer is unknown',
      '[relu1]',
      '[relu1, softmax]',
      '9:62: tensors[1].consumers[1] of "y" is the string "softmax", expected the name of a layer',
    ],
    [
      'a link that is told from above',
      'from: device, to: gateway',
      'from: cloud, to: gateway',
      '13:23: links[0].to is the string "gateway", expected a tier above "cloud": one entry from "gateway" to "cloud" tells of both directions',
    ],
    [
      'a link that is told once for each direction',
      'links:\n',
      'links:\n  - {from: gateway, to: device, upMbitPerSecond: 20, downMbitPerSecond: 20, roundTripMs: 20}\n',
      '13:25: links[0].to is the string "device", expected a tier above "gateway": one entry from "device" to "gateway" tells of both directions',
    ],
    [
      'a link from a tier to itself',
      'to: gateway',
      'to: device',
      '13:24: links[0].to is the string "device", expected another tier than "device"',
    ],
    [
      'a link without bandwidth',
      'upMbitPerSecond: 20',
      'upMbitPerSecond: 0',
      '13:50: links[0].upMbitPerSecond is 0, expected more than 0',
    ],
    [
      'a negative round trip',
      'roundTripMs: 20',
      'roundTripMs: -20',
      '13:90: links[0].roundTripMs is -20, expected at least 0',
    ],
    [
      'no tiers',
      '[device, gateway, cloud]',
      '[]',
      '3:8: tiers is a list of 0, expected a list of at least 1',
    ],
    [
      'layers that wait for one another',
      'consumers: [relu1], isOutput: true}',
      'consumers: [relu1], isOutput: true}\n  - {name: z, bytes: 1, producer: relu1, consumers: [conv1], isOutput: false}',
      '9:36: tensors[1].producer is the string "conv1", expected layers that do not wait for one another: conv1 → relu1 → conv1 is a cycle',
    ],
    [
      'a pin to a tier where the layer cannot run',
      '{device: 12.5, gateway: 3.1, cloud: 0.4}',
      '{gateway: 3.1, cloud: 0.4}',
      '11:26: pins[0].tier is the string "device", expected a tier that layer "conv1" has a time for: "gateway", "cloud"',
    ],
    [
      'two pins of one layer',
      'tier: device}',
      'tier: device}\n  - {layer: c*, tier: cloud}',
      '12:23: pins[1].tier is the string "cloud", expected "device", where pins[0] keeps layer "conv1"',
    ],
    [
      'a pin against the order of tiers',
      '{layer: conv1, tier: device}',
      '{layer: conv1, tier: cloud}\n  - {layer: relu1, tier: device}',
      '12:26: pins[1].tier is the string "device", expected a tier no lower than "cloud" for layer "relu1": it waits for layer "conv1", which pins[0] keeps there, and one-way nothing comes back down',
    ],
    [
      'times of more than 52 days',
      'cloud: 0.1',
      'cloud: 1e10',
      '6:58: layers[1].timeMs.cloud of "relu1" is 10000000000, expected times and transfers that add up to at most 2^52 nanoseconds (52 days)',
    ],
    [
      'a link that takes more than 52 days',
      'upMbitPerSecond: 20',
      'upMbitPerSecond: 1e-9',
      '13:50: links[0].upMbitPerSecond is 1e-9, expected times and transfers that add up to at most 2^52 nanoseconds (52 days)',
    ],
    [
      'another version',
      'formatVersion: 1',
      'formatVersion: 2',
      '2:16: formatVersion is 2, expected 1, the version this edgewise reads',
    ],
  ])('is refused for %s', (_what, from, to, message) => {
    expect(problemWith(from, to)).toBe(`costs.yaml:${message}`);
  });

  it('names a layer that is pinned above where its readers can run', () => {
    const text = TABLE.replace('tier: device}', 'tier: cloud}').replace(', gateway: 1, cloud: 0.1', '');
    expect(problemOf(text)).toBe(
      'costs.yaml:11:26: pins[0].tier is the string "cloud", expected a tier no higher than "device" for layer "conv1": layer "relu1" waits for it and cannot run higher, and one-way nothing comes back down',
    );
  });

  it('allows two-way what the order of tiers forbids one-way', () => {
    const text = `${TABLE.replace('{layer: conv1, tier: device}', '{layer: conv1, tier: cloud}\n  - {layer: relu1, tier: device}')}direction: two-way\n`;
    expect(costsFromYaml(text, 'costs.yaml').direction).toBe('two-way');
  });

  it('tells of misspelt names and bad numbers together', () => {
    const message = problemOf(TABLE.replace('gateway: 1,', 'gateway: -1,').replace('[relu1]', '[relu]'));
    expect(message.split('\n')).toEqual([
      'costs.yaml has 2 problems:',
      'costs.yaml:6:48: layers[1].timeMs.gateway of "relu1" is -1, expected at least 0',
      'costs.yaml:9:55: tensors[1].consumers[0] of "y" is the string "relu", expected the name of a layer: did you mean "relu1"?',
    ]);
  });

  it('shortens the names of a long cycle', () => {
    const layers = Array.from({length: 100}, (_, index) => ({name: `l${index}`, timeMs: {device: 1}}));
    const tensors = layers.map(({name}, index) => ({
      name: `t${index}`,
      bytes: 1,
      producer: name,
      consumers: [`l${(index + 1) % 100}`],
      isOutput: false,
    }));
    const table: Loose<Costs> = {
      kind: 'edgewise/costs',
      formatVersion: 1,
      tiers: ['device'],
      layers,
      tensors,
      links: [],
    };
    expect(problemOf(JSON.stringify(table))).toMatch(
      / l\d+ → (l\d+ → ){6}… \(92 more\) → l\d+ → l\d+ is a cycle$/,
    );
  });
});
