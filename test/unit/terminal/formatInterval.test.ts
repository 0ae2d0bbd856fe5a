import {expect, it} from 'vitest';
import {formatInterval, inBrackets} from '../../../src/terminal/formatInterval.ts';

it('says how often the interval holds, and nothing for plans without one', () => {
  const text = formatInterval({interval90: {lowMs: 20.96, highMs: 24.5}});
  expect(inBrackets(text)).toBe(' (21 ms to 24.5 ms in nine of ten measurements)');
  expect(inBrackets(formatInterval({}))).toBe('');
});
