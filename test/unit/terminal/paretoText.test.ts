import {describe, expect, it} from 'vitest';
import {ExpectedError} from '../../../src/errors.ts';
import {chartOfPareto} from '../../../src/terminal/chartOfPareto.ts';
import {paretoFromFlag} from '../../../src/terminal/paretoFlag.ts';
import type {ShownFront, ShownPoint} from '../../../src/terminal/shownFront.ts';
import {textFromPareto} from '../../../src/terminal/textFromPareto.ts';

const point = (
  name: string,
  amounts: readonly [number, number],
  rest: Partial<ShownPoint> = {},
): ShownPoint => ({
  name,
  amounts,
  isChosen: false,
  isSupported: true,
  toNext: 'all',
  ...rest,
});

const front: ShownFront = {
  titles: ['latency ms', 'energy mJ'],
  points: [
    point('cut after conv2', [41.52, 96.1], {isChosen: true}),
    point('cut after conv1', [52, 90], {isSupported: false}),
    point('cloud-only', [63, 31]),
  ],
  isComplete: true,
};

describe('a front as text', () => {
  it('has a row for each placement, a chart and what is proven', () => {
    expect(textFromPareto(front, 60)).toMatchInlineSnapshot(`
      "No other placement is better in both: latency ms against energy mJ
         placement        latency ms  energy mJ
      1  cut after conv2       41.52       96.1  this plan
      2  cut after conv1          52         90  inside the hull
      3  cloud-only               63         31

      energy mJ (upward) over latency ms
      96.1 │◆
           │                          ○
           │
           │
           │
           │
           │
           │
           │
           │
           │
        31 │                                                     ●
           └──────────────────────────────────────────────────────
            41.5                                                63
      ◆ this plan, ● on the convex hull, ○ inside it
      Proven: each of these, and that there are no others."
    `);
  });

  it('says on which stretches only the hull is proven, and on which nothing', () => {
    const [first, second, third] = front.points as [ShownPoint, ShownPoint, ShownPoint];
    const hull = {...front, isComplete: false, points: [{...first, toNext: 'hull' as const}, second, third]};
    expect(textFromPareto(hull)).toContain('Proven but for others inside the convex hull from 1 to 2');
    const nothing = {...hull, points: [first, {...second, toNext: 'nothing' as const}, third]};
    expect(textFromPareto(nothing)).toContain('Not proven from 2 to 3');
    expect(textFromPareto({...front, isComplete: false})).toContain('Not proven at the ends');
  });

  it('is no wider than it may be, and one point needs no chart', () => {
    for (const width of [40, 80, 200])
      for (const line of chartOfPareto(front, width).split('\n'))
        expect([...line].length).toBeLessThanOrEqual(width);
    expect(textFromPareto({...front, points: front.points.slice(0, 1)})).not.toContain('│');
  });
});

it.each(['latency', 'latency,latency', 'latency,speed', 'latency,energy,money', ''])(
  '--pareto %j is refused',
  flag => {
    expect(() => paretoFromFlag(flag)).toThrow(ExpectedError);
  },
);

it('two goals are taken in their order, with or without a space', () => {
  expect(paretoFromFlag('energy, latency')).toEqual(['energy', 'latency']);
  expect(paretoFromFlag(undefined)).toBeUndefined();
});
