/**
 * Placement over tiers, held against brute force on 10,000 random graphs (two tiers up to 14 layers, three up to 9, four up to 6) and
 * timed on seeded graphs the size of real networks. Ends with 1 when a bar is missed.
 *
 *   node bench/plan.ts                  everything
 *   node bench/plan.ts --graphs 1000    fewer random graphs
 *   node bench/plan.ts --only timing    or: --only exactness
 */
import {parseArgs} from 'node:util';
import {compareWithBruteForce} from './plan/bruteForceComparison.ts';
import {timePlacements} from './plan/placementTimes.ts';

const {values} = parseArgs({
  options: {
    graphs: {type: 'string', default: '10000'},
    seed: {type: 'string', default: '1'},
    only: {type: 'string'},
  },
});
let isWithinBars = true;
if (values.only !== 'timing')
  isWithinBars = compareWithBruteForce(Number(values.graphs), Number(values.seed));
if (values.only !== 'exactness') isWithinBars = timePlacements() && isWithinBars;
process.exitCode = isWithinBars ? 0 : 1;
