import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import {describe, expect, it} from 'vitest';
import {choosePlacement} from '../../src/placement/choosePlacement.ts';
import type {PlacementProblem} from '../../src/placement/problem.ts';
import {largeProblem} from '../properties/largeProblem.ts';

const python = process.env['EDGEWISE_PYTHON'];
const script = fileURLToPath(new URL('placement.py', import.meta.url));

async function solveElsewhere(
  problems: readonly PlacementProblem[],
): Promise<{milp: number; flow: number}[]> {
  const child = spawn(python!, [script], {stdio: ['pipe', 'pipe', 'inherit']});
  child.stdin.end(JSON.stringify(problems));
  const [output, [status]] = await Promise.all([
    text(child.stdout),
    once(child, 'close') as Promise<[number]>,
  ]);
  expect(status).toBe(0);
  return JSON.parse(output) as {milp: number; flow: number}[];
}

describe.skipIf(python === undefined)(
  'placement against HiGHS and SciPy (set EDGEWISE_PYTHON to a Python that has SciPy)',
  () => {
    it.each([
      [60, 40],
      [500, 10],
      [2000, 4],
    ])(
      '%i layers, %i graphs: the same cost to the nanosecond',
      async (layers, graphs) => {
        const problems = Array.from({length: graphs}, (_, seed) => largeProblem(1000 + seed, layers));
        const placements = problems.map(choosePlacement);
        const ours = placements.map(({costNs}) => ({milp: costNs, flow: costNs}));
        expect(await solveElsewhere(problems)).toEqual(ours);
        expect(placements.some(({tiers}) => new Set(tiers).size === 2)).toBe(true);
      },
      300_000,
    );
  },
);
