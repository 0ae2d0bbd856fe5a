import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {Costs} from '../../src/documents/costs.ts';
import type {PlacementAnswer} from '../../src/documents/placementAnswer.ts';
import {EXIT, ExpectedError} from '../../src/errors.ts';
import type {ExitCode} from '../../src/errors.ts';
import {planFromCosts} from '../../src/workflows/planFromCosts.ts';

const python = process.env['EDGEWISE_PYTHON'];
const script = fileURLToPath(new URL('plan_from_costs.py', import.meta.url));

const TIERS = ['device', 'gateway', 'cloud'];

/** Tables of few layers in which ties, relays, direct links, pins, memory limits and layers that cannot run are common. */
const tables: fc.Arbitrary<Costs> = fc
  .record({
    tierCount: fc.integer({min: 1, max: 3}),
    layerCount: fc.integer({min: 1, max: 7}),
    direction: fc.constantFrom('one-way' as const, 'two-way' as const),
    objective: fc.constantFrom('latency' as const, 'throughput' as const),
  })
  .chain(({tierCount, layerCount, direction, objective}) => {
    const tiers = TIERS.slice(0, tierCount);
    const times = fc.record(Object.fromEntries(tiers.map(tier => [tier, fc.integer({min: 0, max: 60})])), {
      requiredKeys: tiers.filter(tier => tier !== 'gateway'),
    });
    const layers = fc.tuple(
      ...Array.from({length: layerCount}, (_, index) =>
        fc.record({times, weightBytes: fc.integer({min: 0, max: 9})}).map(({times: micros, weightBytes}) => ({
          name: `l${index}`,
          timeMs: Object.fromEntries(Object.entries(micros).map(([tier, us]) => [tier, us / 1000])),
          weightBytes,
        })),
      ),
    );
    const tensors = fc.tuple(
      ...Array.from({length: layerCount + 1}, (_, index) =>
        fc.record({
          name: fc.constant(`t${index}`),
          bytes: fc.integer({min: 0, max: 20}),
          producer: fc.constant(index === 0 ? null : `l${index - 1}`),
          consumers: fc.subarray(
            Array.from({length: layerCount - index}, (__, later) => `l${index + later}`),
          ),
          isOutput: fc.boolean(),
        }),
      ),
    );
    const pairs = tiers.flatMap((from, lower) => tiers.slice(lower + 1).map(to => ({from, to})));
    const links = fc.tuple(
      ...pairs.map(ends =>
        fc.record({
          from: fc.constant(ends.from),
          to: fc.constant(ends.to),
          upMbitPerSecond: fc.constantFrom(1, 2.5, 12),
          downMbitPerSecond: fc.constantFrom(1, 3, 20),
          roundTripMs: fc.constantFrom(0, 0.01, 0.1),
          isThere: fc.integer({min: 0, max: 3}).map(dice => dice > 0),
        }),
      ),
    );
    return fc.record({
      kind: fc.constant('edgewise/costs' as const),
      formatVersion: fc.constant(1 as const),
      tiers: fc.constant(tiers),
      layers,
      tensors,
      links: links.map(all => all.filter(({isThere}) => isThere).map(({isThere: _, ...link}) => link)),
      pins: fc.array(
        fc.record({
          layer: fc.constantFrom('l0', 'l1*', `l${layerCount - 1}`),
          tier: fc.constantFrom(...tiers),
        }),
        {maxLength: 1},
      ),
      memoryBytes: fc.dictionary(fc.constantFrom(...tiers), fc.integer({min: 5, max: 40})),
      direction: fc.constant(direction),
      objective: fc.constant(objective),
    });
  })
  .map(table => ({
    ...table,
    pins: table.pins.filter(({layer}) => table.layers.some(({name}) => name === layer.replace('*', ''))),
  }));

async function solveElsewhere(given: readonly Costs[]): Promise<(number | null)[]> {
  const child = spawn(python!, [script], {stdio: ['pipe', 'pipe', 'inherit']});
  child.stdin.end(JSON.stringify(given));
  const [output, [status]] = await Promise.all([
    text(child.stdout),
    once(child, 'close') as Promise<[number]>,
  ]);
  expect(status).toBe(0);
  return JSON.parse(output) as (number | null)[];
}

/** What the whole way from the file gives; `null` where the table is refused. */
async function solveHere(costs: Costs, file: string): Promise<PlacementAnswer['certificate'] | null> {
  await writeFile(file, JSON.stringify(costs));
  try {
    return (await planFromCosts(file)).certificate;
  } catch (error) {
    // A pin against the order of the tiers, or where its layer has no time, is told as a problem of the table.
    const refusals: readonly ExitCode[] = [EXIT.unsupported, EXIT.invalidDocument];
    if (error instanceof ExpectedError && refusals.includes(error.exitCode)) return null;
    throw error;
  }
}

describe.skipIf(python === undefined)(
  'plans from tables of costs against HiGHS (set EDGEWISE_PYTHON to a Python that has SciPy)',
  () => {
    it('200 tables: proven best with the same cost to the nanosecond, and the same ones refused', async () => {
      const sample = fc.sample(tables, {numRuns: 200, seed: 4});
      const folder = await mkdtemp(join(tmpdir(), 'edgewise-costs-'));
      try {
        const theirs = await solveElsewhere(sample);
        for (const [index, costs] of sample.entries()) {
          const ns = theirs[index] ?? null;
          const ours = await solveHere(costs, join(folder, 'costs.json'));
          expect(ours, JSON.stringify(costs)).toEqual(
            ns === null ? null : {isOptimal: true, flow: ns, cut: ns, bound: ns},
          );
        }
        expect(theirs.filter(ns => ns !== null).length).toBeGreaterThan(sample.length / 2);
      } finally {
        await rm(folder, {recursive: true, force: true});
      }
    }, 300_000);
  },
);
