import {globSync} from 'node:fs';
import {basename, join} from 'node:path';
import {writeHeader} from '../../src/documents/writeHeader.ts';
import {amountOfPlan} from '../../src/placement/goalOfPlan.ts';
import {goalFromMeasurements} from '../../src/placement/goals/goalFromMeasurements.ts';
import {planGoal} from '../../src/placement/goals/planGoal.ts';
import {solveGoal} from '../../src/placement/goals/solveGoal.ts';
import {totalsOf} from '../../src/placement/goals/totalsOfGoal.ts';
import type {PlacementMeasurements} from '../../src/placement/measurements.ts';
import {answerFromOutlook} from '../../src/placement/outlook/answerFromOutlook.ts';
import {explainSharedModels, SHARED_MODELS} from '../../test/integration/sharedModels.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';
import {declaredLink} from './measurementsOfGraph.ts';
import {measurementsOf, readGraph} from './measureEnvelope.ts';

const header = writeHeader('plan', {version: '0.0.0', now: new Date(0), madeFrom: {}});
const NEAR = {...declaredLink(12.5e6, 1), to: 'gateway'};
/** Bandwidths from 10 kbit/s to 10 Gbit/s. */
const BANDWIDTHS = [1250, 1.25e9] as const;
/** What rounding to whole nanoseconds, nanojoules and the like may make of sums of many. */
const ROUNDING = 1e-4;

/** Each goal that has no envelope, over the link of the cloud. */
function questionsOf(measured: PlacementMeasurements): readonly (readonly [string, PlacementMeasurements])[] {
  const [device, cloud] = measured.tiers;
  const [link] = measured.links;
  if (device === undefined || cloud === undefined || link === undefined) throw new Error('two tiers');
  const declared = {
    ...measured,
    power: {computeWatts: 4, radioNanojoulesPerByte: 50},
    price: {perHour: 0.4, egressPerGigabyte: 0.09, currency: 'USD'},
  };
  // Tight enough to matter, and never so tight that nothing keeps it.
  const leastMs = leastAt(declared, link.link.upBytesPerSecond) ?? 0;
  const halfway = Math.max(device.times.wholeRun.medianMs / 2 + 10, leastMs * 1.05);
  const gateway = {tier: 'gateway', machine: 'gateway', times: slowed(cloud.times, 5)} as const;
  return [
    [
      'latency over a gateway',
      {
        ...declared,
        tiers: [device, gateway, cloud],
        links: [
          {from: 'device', to: 'gateway', link: NEAR},
          {...link, from: 'gateway'},
        ],
      },
    ],
    [
      'energy within a latency',
      {...declared, objective: 'energy', constraints: {...declared.constraints, maxLatencyMs: halfway}},
    ],
    ['throughput', {...declared, objective: 'throughput'}],
  ];
}

/**
 * What plans for other goals say of other bandwidths, from the document alone, against solving there: of every model of
 * ../shared/models, at `bandwidths` random ones in all. True when none is worse than the plan says that it may be.
 */
export async function compareOutlooks(bandwidths: number, seed: number): Promise<boolean> {
  if (!explainSharedModels('outlooks of real models')) return true;
  const files = globSync(join(SHARED_MODELS, '*/*.onnx')).sort();
  const next = seededNumbers(seed);
  const count = Math.ceil(bandwidths / (files.length * 3));
  const rows = [];
  for (const file of files) {
    const graph = await readGraph(file);
    for (const [goal, question] of questionsOf(measurementsOf(graph, false))) {
      const started = performance.now();
      const {outlook} = planGoal({header, measurements: question});
      const ms = performance.now() - started;
      const axis = outlook?.axes.findLast(({what}) => what === 'link-bandwidth');
      if (outlook === undefined || axis === undefined) throw new Error('a plan without an outlook');
      const offBy = axis.offBy ?? Infinity;
      const mismatches = Array.from({length: count}, next).filter(share => {
        const bytesPerSecond = BANDWIDTHS[0] * (BANDWIDTHS[1] / BANDWIDTHS[0]) ** share;
        const link = {from: axis.from ?? 'device', to: axis.to ?? 'cloud'};
        const told = answerFromOutlook(outlook, {bandwidthBytesPerSecond: bytesPerSecond, link});
        const solved = leastAt(question, bytesPerSecond);
        if (solved === null || told.isFeasible === false)
          return (solved === null) !== (told.isFeasible === false);
        const worst = solved * (1 + (Number.isFinite(offBy) ? offBy : 0) + ROUNDING);
        return (told.best.amount?.value ?? Infinity) > worst;
      }).length;
      rows.push({
        model: basename(file),
        goal,
        layers: graph.layers.length,
        breakpoints: axis.pieces.length - 1,
        'off by at most': axis.offBy === null ? 'not known' : `${(100 * axis.offBy).toFixed(2)} %`,
        'planned in': `${(ms / 1000).toFixed(2)} s`,
        bandwidths: count,
        mismatches,
      });
    }
  }
  console.table(rows);
  return rows.every(({mismatches}) => mismatches === 0);
}

/** `null`: nothing is allowed there. */
function leastAt(question: PlacementMeasurements, bytesPerSecond: number): number | null {
  const links = question.links.map((each, at) =>
    at < question.links.length - 1
      ? each
      : {
          ...each,
          link: {
            ...each.link,
            upBytesPerSecond: bytesPerSecond,
            downBytesPerSecond: (bytesPerSecond * each.link.downBytesPerSecond) / each.link.upBytesPerSecond,
          },
        },
  );
  const there = {...question, links};
  const goal = goalFromMeasurements(there);
  const {objective = 'latency'} = question;
  const best = solveGoal(goal, objective, goal.restrictions, goal.limits);
  return best === null ? null : amountOfPlan({objective}, totalsOf(goal, there, best));
}

function slowed(
  times: PlacementMeasurements['tiers'][number]['times'],
  factor: number,
): PlacementMeasurements['tiers'][number]['times'] {
  return {...times, layers: times.layers.map(layer => ({...layer, ms: layer.ms * factor}))};
}
