/** A kind of quantity and how to write it. */
export interface QuantityKind {
  /** Each unit with how many of the base unit it is. */
  readonly units: ReadonlyMap<string, number>;
  readonly mayBeZero: boolean;
  /** What a message shows as the right form. */
  readonly examples: string;
}

export type ReadQuantity =
  {readonly kind: 'read'; readonly value: number} | {readonly kind: 'unread'; readonly problem: string};

const SI_PREFIXES = ['', 'k', 'M', 'G', 'T'];
const IEC_PREFIXES = ['Ki', 'Mi', 'Gi', 'Ti'];

/** In bytes per second. SI prefixes are powers of 1,000, IEC ones (Ki, Mi, Gi, Ti) of 1,024; bit and B are told apart. */
export const BANDWIDTH: QuantityKind = {
  units: new Map(
    [
      {unit: 'bit/s', bytes: 1 / 8},
      {unit: 'B/s', bytes: 1},
    ].flatMap(({unit, bytes}) => [
      ...SI_PREFIXES.map((prefix, power) => [prefix + unit, bytes * 1000 ** power] as const),
      ...IEC_PREFIXES.map((prefix, power) => [prefix + unit, bytes * 1024 ** (power + 1)] as const),
    ]),
  ),
  mayBeZero: false,
  examples: '"20 Mbit/s", "500 kB/s" or "2 MiB/s"',
};

/** In milliseconds. */
export const DURATION: QuantityKind = {
  units: new Map([
    ['ns', 1e-6],
    ['us', 1e-3],
    ['µs', 1e-3],
    ['ms', 1],
    ['s', 1000],
  ]),
  mayBeZero: true,
  examples: '"45 ms" or "1.5 s"',
};

/** In millijoules. */
export const ENERGY: QuantityKind = {
  units: new Map([
    ['uJ', 1e-3],
    ['µJ', 1e-3],
    ['mJ', 1],
    ['J', 1e3],
  ]),
  mayBeZero: true,
  examples: '"50 mJ" or "0.2 J"',
};

/** In watts. */
export const POWER: QuantityKind = {
  units: new Map([
    ['mW', 1e-3],
    ['W', 1],
  ]),
  mayBeZero: true,
  examples: '"4 W" or "800 mW"',
};

/** In nanojoules per byte. */
export const ENERGY_PER_BYTE: QuantityKind = {
  units: new Map([
    ['nJ/byte', 1],
    ['uJ/byte', 1e3],
    ['µJ/byte', 1e3],
    ['nJ/bit', 8],
    ['J/MB', 1e3],
  ]),
  mayBeZero: true,
  examples: '"50 nJ/byte" or "0.4 J/MB"',
};

/** In bytes. SI prefixes are powers of 1,000, IEC ones of 1,024. */
export const MEMORY: QuantityKind = {
  units: new Map([
    ...SI_PREFIXES.map((prefix, power) => [`${prefix}B`, 1000 ** power] as const),
    ...IEC_PREFIXES.map((prefix, power) => [`${prefix}B`, 1024 ** (power + 1)] as const),
  ]),
  mayBeZero: true,
  examples: '"64 MiB" or "500 MB"',
};

/** A weight per millisecond. */
export const PER_TIME: QuantityKind = {
  units: new Map([
    ['/ms', 1],
    ['/s', 1e-3],
  ]),
  mayBeZero: true,
  examples: '"1 /ms" or "20 /s"',
};

/** A weight per millijoule. */
export const PER_ENERGY: QuantityKind = {
  units: new Map([
    ['/mJ', 1],
    ['/J', 1e-3],
  ]),
  mayBeZero: true,
  examples: '"0.5 /mJ" or "200 /J"',
};

/** How many times as much. */
export const FACTOR: QuantityKind = {
  units: new Map([
    ['x', 1],
    ['×', 1],
  ]),
  mayBeZero: false,
  examples: '"2x" or "0.5x"',
};

/** In requests per second. */
export const REQUEST_RATE: QuantityKind = {
  units: new Map(
    ['request', 'requests'].flatMap(word => [
      [`${word}/s`, 1] as const,
      [`${word}/min`, 1 / 60] as const,
      [`${word}/h`, 1 / 3600] as const,
    ]),
  ),
  mayBeZero: true,
  examples: '"2 requests/s" or "30 requests/min"',
};

/** A part of a whole, above 0. */
export const SHARE: QuantityKind = {
  units: new Map([['%', 0.01]]),
  mayBeZero: false,
  examples: '"70 %"',
};

const NUMBER_AND_UNIT = /^(\d+(?:\.\d+)?(?:e[-+]?\d+)?)\s*(.*)$/;

/**
 * A number and its unit, in the kind's base unit. The unit may not be left out, and its letters' case counts: mbit would
 * be thousandths. What cannot be read is told by a clause that fits behind the text.
 */
export function readQuantity(text: string, {units, mayBeZero, examples}: QuantityKind): ReadQuantity {
  const [, digits, unit] = NUMBER_AND_UNIT.exec(text.trim()) ?? [];
  if (digits === undefined || unit === undefined)
    return {kind: 'unread', problem: `is no number with a unit, such as ${examples}`};
  if (unit === '') return {kind: 'unread', problem: `has no unit: write it as ${examples}`};
  const size = units.get(unit);
  if (size === undefined) {
    const meant = [...units.keys()].find(known => known.toLowerCase() === unit.toLowerCase());
    const advice = meant === undefined ? `write it as ${examples}` : `write ${meant}`;
    return {kind: 'unread', problem: `has a unit that is not known, "${unit}": ${advice}`};
  }
  const value = Number(digits) * size;
  if (!Number.isFinite(value)) return {kind: 'unread', problem: 'is too large a number'};
  if (value === 0 && !mayBeZero) return {kind: 'unread', problem: `must be more than 0, such as ${examples}`};
  return {kind: 'read', value};
}
