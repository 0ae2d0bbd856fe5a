import {readdirSync, readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {probes, type ProbeName} from '../../../src/device/probes/index.ts';
import {quoteArgv} from '../../../src/device/quoteArgv.ts';

interface Fixture {
  readonly probe: ProbeName;
  readonly board: string;
  readonly argv: readonly string[];
  readonly stdout: string;
  /** `null` where the answer does not tell. */
  readonly expected: unknown;
}

const folder = new URL('../../fixtures/probes/', import.meta.url);
const fixtures = readdirSync(folder)
  .filter(name => name.endsWith('.json'))
  .map(name => ({name, ...(JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Fixture)}));

describe('probes', () => {
  for (const {name, probe, board, argv, stdout, expected} of fixtures) {
    it(`${probe} on ${board}`, () => {
      expect(name).toBe(`${probe}.${board}.json`);
      // What a board printed is an answer to this command and to no other.
      expect(probes[probe].argv).toEqual(argv);
      const found = JSON.parse(JSON.stringify({found: probes[probe].parse(stdout) ?? null})) as {
        found: unknown;
      };
      expect(found.found).toEqual(withoutNulls(expected));
    });
  }

  it('each have a board whose answer tells and one whose answer does not', () => {
    for (const probe of Object.keys(probes)) {
      const own = fixtures.filter(fixture => fixture.probe === probe);
      expect([
        probe,
        own.some(({expected}) => expected === null),
        own.some(({expected}) => expected !== null),
      ]).toEqual([probe, true, true]);
    }
  });

  it('can be given to a shell', () => {
    for (const {argv} of Object.values(probes)) expect(quoteArgv(argv)).not.toBe('');
  });
});

/** JSON has no `undefined`: a field that is not known is written as null. */
function withoutNulls(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}
