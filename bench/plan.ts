/**
 * What the planner promises, part by part; ends with 1 when a bar is missed.
 *
 * - exactness: placements over tiers against brute force on 10,000 random graphs (two tiers up to 14 layers, three up to 9, four up
 *   to 6), for latency and throughput, with pins, memory, direct links and return trips
 * - goals: the least of one quantity within a limit on another against brute force, and gaps on large graphs
 * - timing: placements on seeded graphs the size of real networks
 * - envelope: the best plan over the bandwidth against solving at 10,000 random ones on real models, and all breakpoints timed
 * - outlook: what plans for other goals, within limits and over gateways say of other bandwidths, against solving there
 * - speedups: the plan against the device alone and the cloud alone, on real models timed here
 *
 *   node bench/plan.ts                  everything
 *   node bench/plan.ts --graphs 1000    fewer random graphs
 *   node bench/plan.ts --only timing    one part
 */
import {parseArgs} from 'node:util';
import {compareWithBruteForce} from './plan/bruteForceComparison.ts';
import {compareGoalsWithBruteForce, showLargeGoals} from './plan/goalComparison.ts';
import {compareEnvelopes, timeEnvelopes} from './plan/measureEnvelope.ts';
import {compareOutlooks} from './plan/measureOutlook.ts';
import {measureSpeedUps} from './plan/measureSpeedUps.ts';
import {timePlacements} from './plan/placementTimes.ts';

const {values} = parseArgs({
  options: {
    graphs: {type: 'string', default: '10000'},
    seed: {type: 'string', default: '1'},
    only: {type: 'string'},
  },
});
const runs = (part: string): boolean => values.only === undefined || values.only === part;
let isWithinBars = true;
if (runs('exactness')) isWithinBars = compareWithBruteForce(Number(values.graphs), Number(values.seed));
if (runs('goals')) {
  isWithinBars =
    compareGoalsWithBruteForce(Math.ceil(Number(values.graphs) / 5), Number(values.seed)) && isWithinBars;
  showLargeGoals();
}
if (runs('timing')) isWithinBars = timePlacements() && isWithinBars;
if (runs('envelope')) {
  isWithinBars = (await compareEnvelopes(10_000, Number(values.seed))) && isWithinBars;
  isWithinBars = timeEnvelopes() && isWithinBars;
}
if (runs('outlook')) isWithinBars = (await compareOutlooks(1000, Number(values.seed))) && isWithinBars;
if (runs('speedups')) isWithinBars = (await measureSpeedUps()) && isWithinBars;
process.exitCode = isWithinBars ? 0 : 1;
