import {expect, it} from 'vitest';
import {
  BANDWIDTH,
  DURATION,
  FACTOR,
  readQuantity,
  type QuantityKind,
} from '../../../src/documents/quantities.ts';

it.each<[string, QuantityKind, number]>([
  ['20 Mbit/s', BANDWIDTH, 2_500_000],
  ['20Mbit/s', BANDWIDTH, 2_500_000],
  ['20 Mibit/s', BANDWIDTH, 2_621_440],
  ['500 kB/s', BANDWIDTH, 500_000],
  ['500 KiB/s', BANDWIDTH, 512_000],
  ['1.5 GiB/s', BANDWIDTH, 1_610_612_736],
  ['9600 bit/s', BANDWIDTH, 1200],
  [' 1e3 B/s ', BANDWIDTH, 1000],
  ['45 ms', DURATION, 45],
  ['1.5 s', DURATION, 1500],
  ['0 ms', DURATION, 0],
  ['250 µs', DURATION, 0.25],
  ['250 us', DURATION, 0.25],
  ['2x', FACTOR, 2],
  ['0.5 ×', FACTOR, 0.5],
])('%s is read in its base unit', (text, kind, value) => {
  expect(readQuantity(text, kind)).toEqual({kind: 'read', value});
});

it.each<[string, QuantityKind, string]>([
  ['20', BANDWIDTH, 'has no unit: write it as "20 Mbit/s", "500 kB/s" or "2 MiB/s"'],
  ['20 mbit/s', BANDWIDTH, 'has a unit that is not known, "mbit/s": write Mbit/s'],
  ['20 kb/s', BANDWIDTH, 'has a unit that is not known, "kb/s": write kB/s'],
  [
    '20 Mbps',
    BANDWIDTH,
    'has a unit that is not known, "Mbps": write it as "20 Mbit/s", "500 kB/s" or "2 MiB/s"',
  ],
  [
    '20 ms',
    BANDWIDTH,
    'has a unit that is not known, "ms": write it as "20 Mbit/s", "500 kB/s" or "2 MiB/s"',
  ],
  ['0 Mbit/s', BANDWIDTH, 'must be more than 0, such as "20 Mbit/s", "500 kB/s" or "2 MiB/s"'],
  ['-45 ms', DURATION, 'is no number with a unit, such as "45 ms" or "1.5 s"'],
  ['fast', DURATION, 'is no number with a unit, such as "45 ms" or "1.5 s"'],
  ['1e999 s', DURATION, 'is too large a number'],
  ['2', FACTOR, 'has no unit: write it as "2x" or "0.5x"'],
  ['0x', FACTOR, 'must be more than 0, such as "2x" or "0.5x"'],
])('%s is refused with the right form', (text, kind, problem) => {
  expect(readQuantity(text, kind)).toEqual({kind: 'unread', problem});
});
