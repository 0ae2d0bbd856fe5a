// The kill matrix in full, and switches that nobody confirms. Usage: npm run bench:kill [-- --runs N --only STEP|self-revert]
// Bars (issue 5): current always valid, hash-correct and serving; the next push ends well; 100 of 100 taken back within
// the deadline and 5 s.
import {parseArgs} from 'node:util';
import {openWorkshop} from '../test/integration/deployDevice.ts';
import {KILL_POINTS, killAt} from '../test/integration/killMatrix.ts';
import {measureSelfReverts} from './push/measureSelfReverts.ts';

const {values} = parseArgs({
  options: {runs: {type: 'string', default: '100'}, only: {type: 'string', default: ''}},
});
const workshop = await openWorkshop();
let failures = 0;
try {
  const points = KILL_POINTS.filter(({step, then}) => `${step} ${then}`.includes(values.only));
  for (const point of points) {
    const problems = await killAt(workshop, point);
    if (problems.length > 0) failures += 1;
    const verdict = problems.length === 0 ? 'well' : problems.join('; ');
    console.log(`${point.who.padEnd(10)} ${point.step.padEnd(18)} ${point.then.padEnd(10)} ${verdict}`);
  }
  if (points.length > 0)
    console.log(`kill matrix: ${points.length - failures} of ${points.length} points end well`);
  if (['', 'self-revert'].includes(values.only))
    failures += await measureSelfReverts(workshop, Number(values.runs));
} finally {
  await workshop.close();
}
process.exitCode = failures === 0 ? 0 : 1;
