/**
 * How long the exact placement takes at the sizes of two published graphs (783 and 2,012 layers), against its budget of
 * 50 and 300 ms (95th percentile), on 40 seeded graphs of each size; and on one chain of the same length, the deepest.
 *
 *   node bench/placement.ts
 */
import {chainCuts} from '../src/placement/chainCuts.ts';
import {choosePlacement} from '../src/placement/choosePlacement.ts';
import type {PlacementProblem} from '../src/placement/problem.ts';
import {largeProblem} from '../test/properties/largeProblem.ts';
import {seededNumbers} from '../src/documents/seededNumbers.ts';

const GRAPHS = 40;

function chainProblem(seed: number, layerCount: number): PlacementProblem {
  const next = seededNumbers(seed);
  return {
    layers: Array.from({length: layerCount}, (_, index) => ({
      name: `layer${index}`,
      deviceNs: Math.floor(next() * 1e6),
      cloudNs: Math.floor(next() * 1e6),
    })),
    tensors: Array.from({length: layerCount + 1}, (_, index) => ({
      name: `tensor${index}`,
      bytes: Math.floor(next() * 1e7),
      producer: index === 0 ? null : index - 1,
      consumers: index === layerCount ? [] : [index],
      isOutput: index === layerCount,
      canCross: true,
    })),
    link: {fixedNs: 1e6, upNsPerByte: 1, downNsPerByte: 1, perTensorNs: 0},
  };
}

function timeMs(
  problems: readonly PlacementProblem[],
  solve: (problem: PlacementProblem) => unknown,
): number[] {
  for (const problem of problems.slice(0, 5)) solve(problem);
  return problems
    .map(problem => {
      const started = performance.now();
      solve(problem);
      return performance.now() - started;
    })
    .sort((left, right) => left - right);
}

let isWithinBudget = true;
for (const {layers, budgetMs} of [
  {layers: 783, budgetMs: 50},
  {layers: 2012, budgetMs: 300},
]) {
  const families = {
    graph: Array.from({length: GRAPHS}, (_, seed) => largeProblem(seed, layers)),
    chain: Array.from({length: GRAPHS}, (_, seed) => chainProblem(seed, layers)),
  };
  for (const [name, problems] of Object.entries(families)) {
    const times = timeMs(problems, choosePlacement);
    const at = (share: number): string => (times[Math.floor(share * (times.length - 1))] ?? 0).toFixed(1);
    const splits = problems.filter(problem => new Set(choosePlacement(problem).tiers).size === 2).length;
    const isFast = Number(at(0.95)) <= budgetMs;
    isWithinBudget &&= isFast;
    const scan = timeMs(problems, chainCuts);
    console.log(
      `${name} of ${layers} layers: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, worst ${at(1)} ms ` +
        `(budget ${budgetMs} ms: ${isFast ? 'kept' : 'missed'}); ${splits} of ${problems.length} are true splits; ` +
        `scan of all chain cuts ${(scan[Math.floor(scan.length / 2)] ?? 0).toFixed(2)} ms`,
    );
  }
}
if (!isWithinBudget) process.exitCode = 1;
