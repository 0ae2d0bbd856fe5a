import {globSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import type {Link} from '../../src/documents/profile.ts';
import type {Graph} from '../../src/model/graph.ts';
import {layerCosts} from '../../src/model/layerCosts.ts';
import {choosePlacement} from '../../src/placement/choosePlacement.ts';
import {costOfPlacement} from '../../src/placement/costOfPlacement.ts';
import {createNamer} from '../../src/placement/describePlacement.ts';
import {bandwidthAxis} from '../../src/placement/envelope/axes.ts';
import {findPlacementEnvelope} from '../../src/placement/envelope/placementEnvelope.ts';
import {planEnvelope} from '../../src/placement/envelope/planEnvelope.ts';
import type {PlacementMeasurements} from '../../src/placement/measurements.ts';
import type {PlacementProblem} from '../../src/placement/problem.ts';
import {problemFromMeasurements} from '../../src/placement/problemFromMeasurements.ts';
import {prepareFloatModel} from '../../src/workflows/prepareFloatModel.ts';
import {explainSharedModels, SHARED_MODELS} from '../../test/integration/sharedModels.ts';
import {largeProblem} from '../../test/properties/largeProblem.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';
import {declaredLink, measurementsOfGraph} from './measurementsOfGraph.ts';

/** A board of 2 billion multiply-adds a second and a server of 50; four bytes of output cost as much as one of them. */
const DEVICE = {nsPerMultiplyAdd: 0.5, nsPerByte: 0.125, nsPerLayer: 5000};
const CLOUD = {nsPerMultiplyAdd: 0.02, nsPerByte: 0.005, nsPerLayer: 2000};
const LINK: Link = {...declaredLink(2.5e6, 4), fixedMs: 5, downBytesPerSecond: 5e6};
const LARGE_GRAPHS = 20;
const LARGE_LAYERS = 2000;
const LARGE_BUDGET_MS = 2000;

/**
 * The envelope of every model of ../shared/models, with layer times made from multiply-adds, against solving at random
 * bandwidths, `bandwidths` in all. Two placements are as good when they differ by no more than half a nanosecond for
 * each tensor that either sends, because solving rounds those to whole ones. True when there is no mismatch.
 */
export async function compareEnvelopes(bandwidths: number, seed: number): Promise<boolean> {
  if (!explainSharedModels('envelopes of real models')) return true;
  const files = globSync(join(SHARED_MODELS, '*/*.onnx')).sort();
  const next = seededNumbers(seed);
  const rows = [];
  for (const [index, file] of files.entries()) {
    const samples =
      Math.floor((bandwidths * (index + 1)) / files.length) - Math.floor((bandwidths * index) / files.length);
    const graph = await readGraph(file);
    // Where the input may leave, sending it is often the best: the other half sees more of the cuts inside.
    for (const [keepRawInputOnDevice, count] of [
      [false, Math.ceil(samples / 2)],
      [true, Math.floor(samples / 2)],
    ] as const) {
      const values = Array.from({length: count}, next);
      const {problem} = problemFromMeasurements(measurementsOf(graph, keepRawInputOnDevice));
      const {pieces, solves, mismatches} = compareAt(problem, values);
      rows.push({
        model: basename(file),
        'input stays': keepRawInputOnDevice,
        layers: graph.layers.length,
        breakpoints: pieces.length - 1,
        cuts: solves,
        bandwidths: count,
        mismatches,
      });
    }
  }
  console.table(rows);
  return rows.every(({mismatches}) => mismatches === 0);
}

/** All breakpoints over bandwidth, round trip and the cloud's speed at 2,000 layers; true within 2 s (95th percentile). */
export function timeEnvelopes(): boolean {
  const rows = Array.from({length: LARGE_GRAPHS}, (_, seed) => {
    const problem = largeProblem(seed, LARGE_LAYERS);
    const {link: problemLink} = problem;
    if (problemLink === null) throw new Error('a problem without a link');
    const chosen = choosePlacement(problem).tiers;
    const link = {
      ...LINK,
      roundTripMs: problemLink.fixedNs / 1e6,
      upBytesPerSecond: 1e9 / problemLink.upNsPerByte,
      downBytesPerSecond: 1e9 / problemLink.downNsPerByte,
    };
    const nameOf = createNamer(problem);
    const started = performance.now();
    const {envelope} = planEnvelope({problem, problemLink, chosen, link, overheadMs: 0, nameOf});
    const ms = performance.now() - started;
    return {ms, breakpoints: envelope.axes.reduce((sum, {pieces}) => sum + pieces.length - 1, 0)};
  }).sort((left, right) => left.ms - right.ms);
  const at = (share: number) => rows[Math.ceil(share * rows.length) - 1];
  const isWithinBudget = (at(0.95)?.ms ?? Infinity) <= LARGE_BUDGET_MS;
  console.log(
    `all breakpoints at ${LARGE_LAYERS} layers, ${LARGE_GRAPHS} graphs: median ${at(0.5)?.ms.toFixed(0)} ms, ` +
      `95 % ${at(0.95)?.ms.toFixed(0)} ms, worst ${at(1)?.ms.toFixed(0)} ms with ${at(1)?.breakpoints} breakpoints ` +
      `(budget ${LARGE_BUDGET_MS} ms: ${isWithinBudget ? 'kept' : 'missed'})`,
  );
  return isWithinBudget;
}

/** `shares`: numbers in [0, 1), spread over the logarithm of the bandwidth. */
function compareAt(problem: PlacementProblem, shares: readonly number[]) {
  const {link} = problem;
  if (link === null) throw new Error('a problem without a link');
  const {range} = bandwidthAxis(LINK);
  const {pieces, solves} = findPlacementEnvelope(problem, link, choosePlacement(problem).tiers, range);
  const mismatches = shares.filter(share => {
    const x = range.from * (range.to / range.from) ** share;
    const there: PlacementProblem = {
      ...problem,
      link: {...link, upNsPerByte: link.upNsPerByte * x, downNsPerByte: link.downNsPerByte * x},
    };
    const solved = choosePlacement(there);
    const read = costOfPlacement(there, pieces.find(({to}) => x <= to)?.line.tiers ?? []);
    const toleranceNs = (read.crossing.length + solved.crossing.length) / 2;
    return read.violations.length > 0 || Math.abs(read.costNs - solved.costNs) > toleranceNs;
  }).length;
  return {pieces, solves, mismatches};
}

export async function readGraph(modelFile: string): Promise<Graph> {
  const temporaryFolder = mkdtempSync(join(tmpdir(), 'edgewise-envelope-'));
  try {
    const prepared = await prepareFloatModel({modelFile, inputShapes: {}, temporaryFolder});
    await prepared.close();
    return prepared.graph;
  } finally {
    rmSync(temporaryFolder, {recursive: true, force: true});
  }
}

/** As if measured, with layer times made from multiply-adds. */
export function measurementsOf(graph: Graph, keepRawInputOnDevice: boolean): PlacementMeasurements {
  const layerMs = {device: layerMsOn(graph, DEVICE), cloud: layerMsOn(graph, CLOUD)};
  return measurementsOfGraph(graph, layerMs, LINK, keepRawInputOnDevice);
}

function layerMsOn(graph: Graph, {nsPerMultiplyAdd, nsPerByte, nsPerLayer}: typeof DEVICE): number[] {
  return layerCosts(graph).layers.map(({multiplyAdds, activationBytes}) => {
    const ns = nsPerLayer + (multiplyAdds ?? 0) * nsPerMultiplyAdd + (activationBytes ?? 0) * nsPerByte;
    return ns / 1e6;
  });
}
