// The kill matrix in full, and switches that nobody confirms.
// Usage: npm run bench:kill [-- --runs N --only STEP|self-revert --parallel N]
// Bars (issue 5): current always valid, hash-correct and serving; the next push ends well; 100 of 100 taken back within
// the deadline and 5 s.
import {parseArgs} from 'node:util';
import {forEachLimited} from '../src/workflows/rollout/forEachLimited.ts';
import {openWorkshop} from '../test/integration/deployDevice.ts';
import {KILL_POINTS, killAt} from '../test/integration/killMatrix.ts';
import {measureSelfReverts} from './push/measureSelfReverts.ts';

const {values} = parseArgs({
  options: {
    runs: {type: 'string', default: '100'},
    only: {type: 'string', default: ''},
    parallel: {type: 'string', default: '1'},
  },
});
const workshop = await openWorkshop();
let failures = 0;
try {
  const points = KILL_POINTS.filter(({step, then}) => `${step} ${then}`.includes(values.only));
  // Each has a device of its own, and waits for leases most of the time.
  await forEachLimited(points, Number(values.parallel), async point => {
    const problems = await killAt(workshop, point);
    if (problems.length > 0) failures += 1;
    const verdict = problems.length === 0 ? 'well' : problems.join('; ');
    console.log(`${point.who.padEnd(10)} ${point.step.padEnd(18)} ${point.then.padEnd(10)} ${verdict}`);
  });
  if (points.length > 0)
    console.log(`kill matrix: ${points.length - failures} of ${points.length} points end well`);
  if (['', 'self-revert'].includes(values.only))
    failures += await measureSelfReverts(workshop, Number(values.runs));
} finally {
  await workshop.close();
}
process.exitCode = failures === 0 ? 0 : 1;
