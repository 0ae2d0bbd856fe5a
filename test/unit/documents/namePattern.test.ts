import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {matchesPattern} from '../../../src/documents/namePattern.ts';

describe('a pattern of layer names', () => {
  it.each([
    ['conv1', 'conv1', true],
    ['conv10', 'conv1', false],
    ['conv10', 'conv*', true],
    ['conv', 'conv*', true],
    ['/block/conv1/Conv', '*/Conv', true],
    ['/block/conv1/Conv', '/block/*/Conv', true],
    ['aba', 'ab*ba', false],
    ['a*b', 'a*b', true],
    ['a.b', 'a?b', false],
    ['anything', '*', true],
    ['', '**', true],
  ])('%j fits %j: %j', (name, pattern, fits) => expect(matchesPattern(name, pattern)).toBe(fits));

  it('fits what the same regular expression fits', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', '*'), {maxLength: 8}).map(parts => parts.join(''));
    fc.assert(
      fc.property(letters, letters, (name, pattern) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
        expect(matchesPattern(name, pattern)).toBe(expression.test(name));
      }),
      {numRuns: 2000},
    );
  });

  it('answers at once for a pattern that makes regular expressions try everything', () => {
    expect(matchesPattern('a'.repeat(20_000), `${'*a'.repeat(50)}b`)).toBe(false);
  });
});
