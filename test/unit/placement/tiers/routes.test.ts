import {expect, test} from 'vitest';
import {Routes} from '../../../../src/placement/tiers/routes.ts';
import type {TierLink, TierProblem} from '../../../../src/placement/tiers/tierProblem.ts';

function routes(
  tierCount: number,
  ends: readonly (readonly [number, number])[],
  direction: TierProblem['direction'],
): Routes {
  const links = ends.map(([from, to]): TierLink => ({
    from,
    to,
    upNsPerByte: 1,
    downNsPerByte: 1,
    roundTripNs: 0,
  }));
  return new Routes({tierCount, links, direction});
}

/** As text: the number of the link, with + for up and - for down. */
function textOf(all: ReturnType<Routes['between']>): string[] {
  return all.map(({steps}) =>
    steps.map(({link, direction}) => `${link}${direction === 'up' ? '+' : '-'}`).join(' '),
  );
}

const triangle = [
  [0, 1],
  [1, 2],
  [0, 2],
] as const;

test('in a row there is one route, which reaches what lies in between as well', () => {
  const row = routes(
    3,
    [
      [0, 1],
      [1, 2],
    ],
    'two-way',
  );
  expect(textOf(row.between(0, 0b100, false))).toEqual(['0+ 1+']);
  expect(textOf(row.between(0, 0b110, false))).toEqual(['0+ 1+']);
  expect(textOf(row.between(2, 0b010, true))).toEqual(['1- 0-']);
});

test('beside a direct link every tree without a needless step is a route', () => {
  expect(textOf(routes(3, triangle, 'two-way').between(0, 0b100, false)).sort()).toEqual(['0+ 1+', '2+']);
  expect(textOf(routes(3, triangle, 'two-way').between(0, 0b110, false)).sort()).toEqual([
    '0+ 1+',
    '0+ 2+',
    '2+ 1-',
  ]);
  expect(textOf(routes(3, triangle, 'one-way').between(0, 0b110, false)).sort()).toEqual(['0+ 1+', '0+ 2+']);
});

test('what is where it is needed takes no step, and an output on tier 0 no detour', () => {
  expect(textOf(routes(3, triangle, 'one-way').between(0, 0b001, true))).toEqual(['']);
  expect(textOf(routes(3, triangle, 'two-way').between(0, 0, true))).toEqual(['']);
});

test('where no link leads there is no route', () => {
  expect(routes(3, [[0, 1]], 'two-way').between(0, 0b100, false)).toEqual([]);
  expect(
    routes(
      3,
      [
        [0, 1],
        [1, 2],
      ],
      'one-way',
    ).between(2, 0b001, false),
  ).toEqual([]);
});

test('more links than a mask has bits are refused', () => {
  const many = Array.from({length: 31}, (_, tier) => [tier, tier + 1] as const);
  expect(() => routes(32, many, 'two-way')).toThrow('31 links, at most 30');
});
