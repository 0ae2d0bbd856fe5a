import fc from 'fast-check';
import {expect, test} from 'vitest';
import {leastBusyPlacement} from '../../src/placement/goals/leastBusyPlacement.ts';
import {paretoFront} from '../../src/placement/goals/paretoFront.ts';
import type {FrontQuestion, ParetoFront} from '../../src/placement/goals/frontQuestion.ts';
import type {Measure, Space} from '../../src/placement/goals/space.ts';
import {stagesOf} from '../../src/placement/goals/stages.ts';
import {everyPlacement, randomGoal} from './goalBruteForce.ts';

const OVERHEAD_NS = 7;

/** What is neither beaten nor matched by another, ascending in the first. */
function frontOf(pairs: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const front: (readonly [number, number])[] = [];
  for (const pair of [...pairs].sort((a, b) => a[0] - b[0] || a[1] - b[1]))
    if (pair[1] < (front.at(-1)?.[1] ?? Infinity)) front.push(pair);
  return front;
}

/** By the definition: the least of some weighted sum. */
function isSupported(
  front: readonly (readonly [number, number])[],
  [x, y]: readonly [number, number],
): boolean {
  return front.every(([x1, y1]) =>
    front.every(([x2, y2]) => x1 >= x || x2 <= x || (y - y1) * (x2 - x1) <= (y2 - y1) * (x - x1)),
  );
}

/** With what the stages of the first quantity take at most, by trying all. */
function busiestByForce(space: Space, latency: Measure, measures: readonly Measure[]) {
  const stages = stagesOf(space, latency, OVERHEAD_NS);
  return everyPlacement(space, [...measures, ...stages.map(({measure}) => measure)]).map(
    ({tiers, amounts}) => ({
      tiers,
      amounts: amounts.slice(0, measures.length),
      busiest: Math.max(...stages.map(({baseNs}, at) => baseNs + amounts[measures.length + at]!)),
    }),
  );
}

/** Both ways: by trying all placements where they are few, and by the search that is for many. */
function checkFront(
  question: FrontQuestion,
  pairs: readonly (readonly [number, number])[],
): ParetoFront | null {
  const listed = checkAnswer(paretoFront(question), pairs);
  const searched = checkAnswer(paretoFront({...question, mostCuts: 1e9}), pairs);
  expect(listed === null).toBe(searched === null);
  return searched;
}

function checkAnswer(
  front: ParetoFront | null,
  pairs: readonly (readonly [number, number])[],
): ParetoFront | null {
  const expected = frontOf(pairs);
  expect(front?.points.map(({amounts}) => amounts) ?? []).toEqual(expected);
  if (front === null) return null;
  expect(front.isComplete).toBe(true);
  expect(front.points.map(point => point.isSupported)).toEqual(
    expected.map(pair => isSupported(expected, pair)),
  );
  return front;
}

test('the front of two quantities that add up is that of brute force, supported and not, with a limit and without', () => {
  const seen = {supported: 0, unsupported: 0, limited: 0};
  fc.assert(
    fc.property(
      fc.integer({min: 1, max: 2 ** 30}),
      fc.double({min: 0, max: 1, noNaN: true}),
      (one, share) => {
        const {space, measures} = randomGoal(one, 3, 8, 8);
        const [first, second, limited] = measures as [Measure, Measure, Measure];
        const placements = everyPlacement(space, measures);
        const amounts = placements.map(({amounts: row}) => row[2]!).sort((a, b) => a - b);
        const most = amounts[Math.floor(amounts.length * share)] ?? 0;
        const question: FrontQuestion = {
          space,
          latency: first,
          requestOverheadNs: 0,
          limits: [],
          goals: [
            {kind: 'sum', measure: first},
            {kind: 'sum', measure: second},
          ],
        };
        const pairOf = ({amounts: row}: (typeof placements)[number]) => [row[0]!, row[1]!] as const;
        const front = checkFront(question, placements.map(pairOf));
        for (const point of front?.points ?? []) seen[point.isSupported ? 'supported' : 'unsupported'] += 1;
        const within = placements.filter(({amounts: row}) => row[2]! <= most);
        checkFront({...question, limits: [{name: 'limit', measure: limited, most}]}, within.map(pairOf));
        if (within.length < placements.length && within.length > 0) seen.limited += 1;
      },
    ),
    {numRuns: 80},
  );
  expect(seen.supported).toBeGreaterThan(60);
  expect(seen.unsupported).toBeGreaterThan(5);
  expect(seen.limited).toBeGreaterThan(30);
}, 120_000);

test('the front of latency or another quantity against the busiest stage is that of brute force, either way round', () => {
  let longest = 0;
  fc.assert(
    fc.property(fc.integer({min: 1, max: 2 ** 30}), one => {
      const {space, measures} = randomGoal(one, 2, 6, 8);
      const [latency, other] = measures as [Measure, Measure];
      const placements = busiestByForce(space, latency, [latency, other]);
      for (const [at, measure] of [latency, other].entries()) {
        const question = {space, latency, requestOverheadNs: OVERHEAD_NS, limits: []};
        const sum = {kind: 'sum', measure} as const;
        const front = checkFront(
          {...question, goals: [sum, {kind: 'busiest'}]},
          placements.map(({amounts, busiest}) => [amounts[at]!, busiest] as const),
        );
        longest = Math.max(longest, front?.points.length ?? 0);
        checkFront(
          {...question, goals: [{kind: 'busiest'}, sum]},
          placements.map(({amounts, busiest}) => [busiest, amounts[at]!] as const),
        );
      }
    }),
    {numRuns: 20},
  );
  expect(longest).toBeGreaterThan(2);
}, 120_000);

test('within a limit the busiest stage takes as little as brute force finds, and proves it', () => {
  const seen = {kept: 0, impossible: 0, moved: 0};
  fc.assert(
    fc.property(
      fc.integer({min: 1, max: 2 ** 30}),
      fc.double({min: 0, max: 1, noNaN: true}),
      (one, share) => {
        const {space, measures} = randomGoal(one, 2, 7);
        const [latency, limited] = measures as [Measure, Measure];
        const placements = busiestByForce(space, latency, [limited]);
        const amounts = placements.map(({amounts: [amount]}) => amount!).sort((a, b) => a - b);
        const most =
          (amounts[Math.floor(amounts.length * share * 0.5)] ?? 0) - (share > 0.9 ? amounts.length : 0);
        const least = placements.reduce(
          (so, {amounts: [amount], busiest}) => (amount! <= most ? Math.min(so, busiest) : so),
          Infinity,
        );
        const {best, bound} = leastBusyPlacement({
          space,
          latency,
          requestOverheadNs: OVERHEAD_NS,
          limits: [{name: 'limit', measure: limited, most}],
        });
        expect({amount: best?.amount ?? Infinity, bound}).toEqual({amount: least, bound: least});
        const free = Math.min(...placements.map(({busiest}) => busiest));
        if (least === Infinity) seen.impossible += 1;
        else seen[least > free ? 'moved' : 'kept'] += 1;
      },
    ),
    {numRuns: 60},
  );
  expect(seen.moved).toBeGreaterThan(10);
  expect(seen.kept).toBeGreaterThan(5);
}, 120_000);

test('where the search ends early the points are still true and what is not proven is said', () => {
  let ended = 0;
  for (let one = 1; one <= 40; one++) {
    const {space, measures} = randomGoal(one, 2, 7, 8);
    const [first, second] = measures as [Measure, Measure];
    const sums = [
      {kind: 'sum', measure: first},
      {kind: 'sum', measure: second},
    ] as const;
    const question = {space, latency: first, requestOverheadNs: 0, limits: [], goals: sums};
    const whole = paretoFront(question);
    const part = paretoFront({...question, mostCuts: 12});
    if (whole === null || part === null || part.isComplete) continue;
    ended += 1;
    const all = whole.points.map(({amounts}) => amounts.join());
    part.points.forEach(({amounts, isSupported: isOn, toNext}, at) => {
      if (isOn) expect(all).toContain(amounts.join());
      const next = part.points[at + 1];
      if (toNext !== 'all' || next === undefined) return;
      const between = whole.points.filter(
        ({amounts: [x, y]}) => x > amounts[0] && x < next.amounts[0] && y < amounts[1] && y > next.amounts[1],
      );
      expect(between).toEqual([]);
    });
  }
  expect(ended).toBeGreaterThan(10);
});
