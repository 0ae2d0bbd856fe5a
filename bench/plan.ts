/**
 * Placement over tiers, held against brute force on 10,000 random graphs (two tiers up to 14 layers, three up to 9, four up to 6) and
 * timed on seeded graphs the size of real networks; and the envelope of the best plan over the bandwidth, held against
 * solving at 10,000 random ones on real models, and timed. Ends with 1 when a bar is missed.
 *
 *   node bench/plan.ts                  everything
 *   node bench/plan.ts --graphs 1000    fewer random graphs
 *   node bench/plan.ts --only timing    or: --only exactness, --only envelope
 */
import {parseArgs} from 'node:util';
import {compareWithBruteForce} from './plan/bruteForceComparison.ts';
import {compareEnvelopes, timeEnvelopes} from './plan/measureEnvelope.ts';
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
if (runs('timing')) isWithinBars = timePlacements() && isWithinBars;
if (runs('envelope')) {
  isWithinBars = (await compareEnvelopes(10_000, Number(values.seed))) && isWithinBars;
  isWithinBars = timeEnvelopes() && isWithinBars;
}
process.exitCode = isWithinBars ? 0 : 1;
