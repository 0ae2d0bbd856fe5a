import {describe, expect, it} from 'vitest';
import {DOCUMENT_KINDS} from '../../../src/documents/documentKinds.ts';
import type {DocumentKind, DocumentOf} from '../../../src/documents/documentKinds.ts';
import {editDistance, nearestWord} from '../../../src/documents/nearestWord.ts';
import {arrangeDocument, jsonFromDocument, yamlFromDocument} from '../../../src/documents/printDocument.ts';
import {
  buildFromYaml,
  costsFromYaml,
  planFromYaml,
  profileFromYaml,
  projectFromYaml,
  readDocument,
  releaseFromJson,
} from '../../../src/documents/readDocument.ts';
import {writeHeader} from '../../../src/documents/writeHeader.ts';
import {ExpectedError} from '../../../src/errors.ts';
import {SAMPLES, digestOf} from './sampleDocuments.ts';

function messageFrom(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ExpectedError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The same document with the keys of every mapping in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}

describe.each(DOCUMENT_KINDS)('a printed %s', kind => {
  const print = (document: unknown): string =>
    yamlFromDocument(kind, document as DocumentOf<DocumentKind> as never);
  const document = SAMPLES[kind];

  it('reads back as what was printed', () => {
    expect(readDocument(kind, print(document), 'x.yaml')).toEqual(arrangeDocument(kind, document as never));
  });

  it('is the same bytes when printed again', () => {
    const text = print(document);
    expect(print(readDocument(kind, text, 'x.yaml'))).toBe(text);
  });

  it('does not depend on the order of the keys', () => {
    expect(print(reversed(document))).toBe(print(document));
  });

  it('starts with its kind and version', () => {
    expect(print(document)).toMatch(new RegExp(`^kind: edgewise/${kind}\nformatVersion: 1\n`));
  });

  it('is valid as JSON too', () => {
    const text = jsonFromDocument(kind, document as never);
    expect(readDocument(kind, text, 'x.json')).toEqual(arrangeDocument(kind, document as never));
  });
});

describe('each kind has a reader of its own', () => {
  it.each([
    ['project', projectFromYaml],
    ['profile', profileFromYaml],
    ['build', buildFromYaml],
    ['plan', planFromYaml],
    ['costs', costsFromYaml],
  ] as const)('%s', (kind, read) => {
    const text = yamlFromDocument(kind, SAMPLES[kind] as never);
    expect(read(text, 'x.yaml')).toEqual(readDocument(kind, text, 'x.yaml'));
    const other = kind === 'plan' ? 'build' : 'plan';
    expect(messageFrom(() => read(yamlFromDocument(other, SAMPLES[other] as never), 'x.yaml'))).toBe(
      `invalid-document: x.yaml:1:7: this is a ${other} (kind "edgewise/${other}"), expected a ${kind === 'costs' ? 'table of costs' : kind} (kind "edgewise/${kind}")`,
    );
  });
});

describe('printing', () => {
  const text = yamlFromDocument('plan', SAMPLES.plan);

  it('rounds floats to six digits and keeps whole numbers exact', () => {
    expect(text).toContain('latencyMs: 0.666667\n');
    expect(text).toContain('flowNs: 666666667');
    expect(yamlFromDocument('profile', SAMPLES.profile)).toContain('freeDiskBytes: 12345678901\n');
    expect(yamlFromDocument('profile', SAMPLES.profile)).toContain('spreadMs: 0.000123457\n');
  });

  it('gives each row of a table one line', () => {
    expect(text).toContain(
      '\n  - {name: conv1, operator: Conv, tier: device, reason: faster-here, deviceMs: 1.23457, cloudMs: null}\n',
    );
    expect(text).toContain('shape: [1, 32, 16, 16], bytes: 32768}\n');
  });

  it('sorts records by name', () => {
    expect(text.indexOf('build: sha256:aaa')).toBeLessThan(text.indexOf('model.onnx: sha256:bbb'));
  });

  it('quotes what YAML would read as something else', () => {
    const profile = structuredClone(SAMPLES.profile);
    for (const [index, name] of [
      'null',
      '1e3',
      'a: b',
      '#x',
      "it's",
      'line\nbreak',
      '- a',
      '',
      ' padded ',
    ].entries())
      profile.models[0]!.layers[index] = {name, operator: '=', ms: index};
    const printed = yamlFromDocument('profile', profile);
    expect(readDocument('profile', printed, 'x.yaml').models[0]!.layers).toEqual(profile.models[0]!.layers);
  });

  it('refuses a document that does not fit its schema', () => {
    expect(() => yamlFromDocument('plan', {...SAMPLES.plan, isComplete: 'yes'} as never)).toThrow();
  });

  it('differs in madeAt alone when made again later', () => {
    const make = (now: string): string =>
      yamlFromDocument('build', {
        ...SAMPLES.build,
        ...writeHeader('build', {version: '1.0.0', now: new Date(now), madeFrom: {model: digestOf('9')}}),
      });
    const first = make('2026-01-01T00:00:00Z').split('\n');
    const second = make('2026-02-02T00:00:00Z').split('\n');
    expect(first.filter((line, index) => line !== second[index])).toEqual([
      'madeAt: 2026-01-01T00:00:00.000Z',
    ]);
  });
});

describe('reading a release, which is strict JSON', () => {
  it('accepts what was printed', () => {
    expect(releaseFromJson(text, 'release.json')).toEqual(SAMPLES.release);
  });

  const text = jsonFromDocument('release', SAMPLES.release);

  it('tells where the JSON breaks', () => {
    const broken = text.replace('"threads": 4', '"threads": }');
    const line = broken.split('\n').findIndex(row => row.includes('}') && row.includes('threads')) + 1;
    expect(messageFrom(() => releaseFromJson(broken, 'release.json'))).toContain(
      `\nrelease.json:${line}:15: cannot be parsed: `,
    );
  });

  it('tells where a cut-off file ends', () => {
    const last = text.trimEnd().split('\n').length - 1;
    const cutOff = text.trimEnd().split('\n').slice(0, -1).join('\n');
    expect(messageFrom(() => releaseFromJson(cutOff, 'release.json'))).toMatch(
      new RegExp(`^invalid-document: .*release\\.json:${last}:`, 's'),
    );
  });

  it('refuses YAML', () => {
    const yaml = yamlFromDocument('release', SAMPLES.release);
    expect(messageFrom(() => releaseFromJson(yaml, 'release.json'))).toMatch(
      /^invalid-document: release\.json:1:1: not JSON/,
    );
  });

  it('notices a key that JSON.parse would silently drop', () => {
    const text = jsonFromDocument('release', SAMPLES.release).replace(
      '"threads": 4',
      '"threads": 4,\n  "threads": 5',
    );
    expect(messageFrom(() => releaseFromJson(text, 'release.json'))).toMatch(
      /release\.json:\d+:3: key "threads" stands twice in one mapping/,
    );
  });
});

describe('bounds', () => {
  it('refuses a text of nothing but brackets without exhausting the stack', () => {
    expect(messageFrom(() => planFromYaml('['.repeat(200_000), 'plan.yaml'))).toMatch(/nested too deeply/);
  });

  it('names at most fifty problems', () => {
    const layers = Array.from({length: 500}, (_, index) => ({name: index, operator: 'Conv', ms: -1}));
    const profile = {...SAMPLES.profile, models: [{...SAMPLES.profile.models[0], layers}]};
    const message = messageFrom(() => readDocument('profile', JSON.stringify(profile), 'p.yaml'));
    expect(message).toContain('p.yaml has 1000 problems:');
    expect(message).toMatch(/and 950 more$/);
  });

  it('reads __proto__ as a key like any other', () => {
    const text = yamlFromDocument('project', SAMPLES.project).replace('site: lab', '__proto__: lab');
    const project = readDocument('project', text, 'edgewise.yaml');
    expect(Object.getPrototypeOf(project.devices[0]!.labels)).toBe(Object.prototype);
    expect(messageFrom(() => readDocument('project', `${text}__proto__: {a: 1}\n`, 'edgewise.yaml'))).toMatch(
      /unknown key "__proto__"/,
    );
  });

  it('reads a plan of 2,000 layers in a few seconds at most', () => {
    const layer = SAMPLES.plan.layers[0]!;
    const layers = Array.from({length: 2000}, (_, index) => ({...layer, name: `layer${index}`}));
    const text = yamlFromDocument('plan', {...SAMPLES.plan, layers});
    expect(planFromYaml(text, 'plan.yaml').layers).toHaveLength(2000);
  });
});

describe('the nearest word', () => {
  it.each([
    ['constrains', 'constraints'],
    ['identity_file', 'identityFile'],
    ['adress', 'address'],
    ['NAME', 'name'],
    ['prot', 'port'],
  ])('to %s is %s', (word, nearest) => {
    expect(nearestWord(word, ['name', 'address', 'port', 'identityFile', 'constraints', 'url'])).toBe(
      nearest,
    );
  });

  it.each(['quantisation', 'x', 'host', 'completely-different'])('to %s is none', word => {
    expect(nearestWord(word, ['name', 'address', 'identityFile', 'url'])).toBeUndefined();
  });

  it('counts insertions, deletions, replacements and swaps', () => {
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('ab', 'ba')).toBe(1);
    expect(editDistance('same', 'same')).toBe(0);
  });
});
