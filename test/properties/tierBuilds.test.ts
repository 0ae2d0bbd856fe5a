import fc from 'fast-check';
import {expect, test} from 'vitest';
import type {Tier} from '../../src/documents/planTiers.ts';
import type {Link, ModelTimes} from '../../src/documents/profile.ts';
import {writeHeader} from '../../src/documents/writeHeader.ts';
import {ExpectedError} from '../../src/errors.ts';
import type {PlacementMeasurements} from '../../src/placement/measurements.ts';
import {planDocument} from '../../src/placement/planDocument.ts';
import {
  combinationsOf,
  withBuildsTensors,
  withTierBuilds,
  type LoweredBuild,
} from '../../src/workflows/precision/boundaryCandidates.ts';

const header = writeHeader('plan', {version: '0.1.0', now: new Date(0), madeFrom: {}});
const FIXED_MS = 3;
const BYTES_PER_MS = 100;

/** Layers read earlier ones; each tier has the fp32 build and others, which know only some of the tensors. */
interface Question {
  readonly tiers: readonly Tier[];
  /** By layer: the earlier layers that it reads, or the input where there are none. */
  readonly reads: readonly (readonly number[])[];
  /** Of the input, and of what each layer makes. */
  readonly bytes: readonly number[];
  /** By tier, build (fp32 first) and layer. */
  readonly ms: readonly (readonly (readonly number[])[])[];
  /** By tier and lowered build: whether it knows what each layer makes. */
  readonly knows: readonly (readonly (readonly boolean[])[])[];
}

const question = fc
  .record({
    layers: fc.integer({min: 1, max: 5}),
    tiers: fc.constantFrom<readonly Tier[]>(
      ['device', 'cloud'],
      ['device', 'gateway', 'cloud'],
      ['device', 'gateway'],
    ),
    builds: fc.array(fc.integer({min: 0, max: 2}), {minLength: 3, maxLength: 3}),
  })
  .chain(({layers, tiers, builds}): fc.Arbitrary<Question> =>
    fc.record({
      tiers: fc.constant(tiers),
      reads: fc.tuple(
        ...Array.from({length: layers}, (_, at) =>
          at === 0 ? fc.constant([]) : fc.uniqueArray(fc.integer({min: 0, max: at - 1}), {maxLength: 2}),
        ),
      ),
      bytes: fc.array(fc.integer({min: 1, max: 900}), {minLength: layers + 1, maxLength: layers + 1}),
      ms: fc.tuple(
        ...tiers.map((_, tier) =>
          fc.array(fc.array(fc.integer({min: 1, max: 20}), {minLength: layers, maxLength: layers}), {
            minLength: 1 + builds[tier]!,
            maxLength: 1 + builds[tier]!,
          }),
        ),
      ),
      knows: fc.tuple(
        ...tiers.map((_, tier) =>
          fc.array(fc.array(fc.boolean(), {minLength: layers, maxLength: layers}), {
            minLength: builds[tier]!,
            maxLength: builds[tier]!,
          }),
        ),
      ),
    }),
  );

const none = {medianMs: 0, spreadMs: 0, runs: 3, obtained: 'measured'} as const;

function timesOf(layerMs: readonly number[]): ModelTimes {
  return {
    build: 'fp32',
    threads: 1,
    wholeRun: {...none, medianMs: layerMs.reduce((sum, ms) => sum + ms, 0)},
    layers: layerMs.map((ms, at) => ({name: `layer${at}`, operator: 'Relu', ms})),
    requestOverhead: none,
    sessionOverhead: none,
  };
}

const nameOf = (tensor: number): string => (tensor === 0 ? 'input' : `made${tensor - 1}`);
const readBy = ({reads}: Question, layer: number): readonly number[] =>
  reads[layer]!.length === 0 ? [0] : reads[layer]!.map(made => made + 1);
const isOutput = ({reads}: Question, tensor: number): boolean =>
  tensor > 0 && !reads.some(made => made.includes(tensor - 1));

const LINK: Link = {
  ...{to: '', fixedMs: FIXED_MS, roundTripMs: 1, residualMs: 0, samples: 5, obtained: 'measured'},
  ...{upBytesPerSecond: BYTES_PER_MS * 1000, downBytesPerSecond: BYTES_PER_MS * 1000},
};

function measurementsOf(asked: Question): PlacementMeasurements {
  const {tiers, reads, bytes, ms} = asked;
  return {
    build: 'fp32',
    layers: reads.map((_, at) => ({
      name: `layer${at}`,
      operator: 'Relu',
      inputs: readBy(asked, at).map(nameOf),
      outputs: [nameOf(at + 1)],
    })),
    tensors: bytes.map((size, at) => ({
      name: nameOf(at),
      elementType: 'uint8' as const,
      shape: [size],
      isInput: at === 0,
      isOutput: isOutput(asked, at),
      isWeight: false,
    })),
    tiers: tiers.map((tier, at) => ({tier, machine: tier, times: timesOf(ms[at]![0]!)})),
    links: tiers.slice(1).map((to, at) => ({from: tiers[at]!, to, link: {...LINK, to}})),
    constraints: {keepRawInputOnDevice: false, pins: []},
    tainted: new Set(),
  };
}

function loweredBuildsOf({tiers, ms, knows}: Question): ReadonlyMap<Tier, readonly LoweredBuild[]> {
  return new Map(
    tiers.map((tier, at) => [
      tier,
      knows[at]!.map((known, nth): LoweredBuild => ({
        precision: 'int8',
        build: `${tier}-${nth}`,
        times: timesOf(ms[at]![nth + 1]!),
        weights: [],
        common: new Set([
          'input',
          ...known.flatMap((isKnown, layer) => (isKnown ? [nameOf(layer + 1)] : [])),
        ]),
      })),
    ]),
  );
}

/** As edgewise plan does it: one placement problem for each choice of builds, and the best of their answers. */
function leastPlanned(asked: Question): number {
  const measurements = measurementsOf(asked);
  const latencies = combinationsOf(loweredBuildsOf(asked)).map(builds => {
    const tiers = withTierBuilds(measurements.tiers, builds, 'fp32');
    const tensors = withBuildsTensors([...measurements.tensors], builds);
    try {
      return planDocument({header, measurements: {...measurements, tiers, tensors}, isDraft: true}).predicted
        .latencyMs;
    } catch (error) {
      if (error instanceof ExpectedError && error.code === 'nothing-feasible') return Infinity;
      throw error;
    }
  });
  return Math.min(...latencies);
}

/** Every choice of a build for each tier with every way to place the layers, as far as what crosses is known to all of them. */
function leastPossible(asked: Question): number {
  const {tiers, reads, bytes, ms, knows} = asked;
  let least = Infinity;
  const tryBuilds = (chosen: readonly number[]): void => {
    if (chosen.length < tiers.length) {
      ms[chosen.length]!.forEach((_, build) => tryBuilds([...chosen, build]));
      return;
    }
    const canCross = (tensor: number): boolean =>
      tensor === 0 ||
      chosen.every((build, tier) => build === 0 || knows[tier]![build - 1]![tensor - 1] === true);
    const place = (placed: readonly number[]): void => {
      const layer = placed.length;
      if (layer === reads.length) {
        least = Math.min(least, costOf(placed, chosen, canCross));
        return;
      }
      const lowest = Math.max(0, ...reads[layer]!.map(made => placed[made]!));
      for (let tier = lowest; tier < tiers.length; tier++) place([...placed, tier]);
    };
    place([]);
  };
  const costOf = (
    placed: readonly number[],
    chosen: readonly number[],
    canCross: (tensor: number) => boolean,
  ): number => {
    let cost = placed.reduce((sum, tier, layer) => sum + ms[tier]![chosen[tier]!]![layer]!, 0);
    for (let boundary = 0; boundary + 1 < tiers.length; boundary++) {
      if (!placed.some(tier => tier > boundary)) continue;
      cost += FIXED_MS;
      bytes.forEach((size, tensor) => {
        const made = tensor === 0 ? 0 : placed[tensor - 1]!;
        const isRead = placed.some((tier, layer) => tier > boundary && readBy(asked, layer).includes(tensor));
        const goesUp = made <= boundary && isRead;
        const comesDown = made > boundary && isOutput(asked, tensor);
        if ((goesUp || comesDown) && !canCross(tensor)) cost = Infinity;
        cost += (size / BYTES_PER_MS) * (Number(goesUp) + Number(comesDown));
      });
    }
    return cost;
  };
  tryBuilds([]);
  return least;
}

test('builds of all tiers are chosen together with the cut: 800 models against every build with every placement', () => {
  let loweredMatters = 0;
  fc.assert(
    fc.property(question, asked => {
      const least = leastPossible(asked);
      expect(leastPlanned(asked)).toBeCloseTo(least, 5);
      const fp32Only = {...asked, ms: asked.ms.map(([fp32]) => [fp32!]), knows: asked.tiers.map(() => [])};
      if (least < leastPossible(fp32Only)) loweredMatters += 1;
    }),
    {numRuns: 800},
  );
  // Were fp32 always the best, the comparison would say little.
  expect(loweredMatters).toBeGreaterThan(200);
}, 300_000);
