import {expect, it} from 'vitest';
import {formatNames} from '../../../src/terminal/formatNames.ts';

it.each([
  [['pi-001', 'pi-002', 'pi-003', 'pi-005'], 'pi-001 to pi-003, pi-005'],
  [['pi-9', 'pi-10'], 'pi-9, pi-10'],
  [['a9', 'a10', 'a11'], 'a9 to a11'],
  [['cam-09', 'cam-10', 'gate-11'], 'cam-09, cam-10, gate-11'],
  [['north', 'south'], 'north, south'],
  [['x'], 'x'],
])('%j are %s', (names, text) => {
  expect(formatNames(names)).toBe(text);
});
