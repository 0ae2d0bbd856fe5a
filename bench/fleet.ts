// Many devices. Usage: npm run bench:fleet [-- --emulated N --real N --parallel N --runs N --without-ansible --without-rollouts]
// Bars (issue 5): a 1 MB release to 200 emulated devices and 20 real sshd with their default MaxSessions and MaxStartups in
// at most 60 s, the controller at most 300 MB, no session refused; at least 5 times faster than Ansible's copy to the same 20.
// A rollout is all of it: waves, sending, checks, switch, golden requests, confirmation, gates. Beside Ansible's copy only what that
// does too is timed: connect, send one file, have the device check it at rest, and its name.
import {randomBytes} from 'node:crypto';
import {parseArgs} from 'node:util';
import {openFleet} from './fleet/openFleet.ts';
import {openAnsible, timeShipping} from './fleet/copyContenders.ts';
import {median, spread} from './push/spread.ts';

const {values} = parseArgs({
  options: {
    emulated: {type: 'string', default: '200'},
    real: {type: 'string', default: '20'},
    parallel: {type: 'string', default: '10'},
    runs: {type: 'string', default: '3'},
    'without-ansible': {type: 'boolean', default: false},
    'without-rollouts': {type: 'boolean', default: false},
  },
});
const RELEASE_BYTES = 1_000_000;
const MOST_SECONDS = 60;
const MOST_BYTES = 300e6;
const LEAST_RATIO = 5;
const runs = Number(values.runs);
const counts = {emulated: Number(values.emulated), real: Number(values.real)};
const fleet = await openFleet(counts);
const problems: string[] = [];
try {
  for (let run = 1; run <= runs && !values['without-rollouts']; run++) {
    const {outcome, reason, confirmed, seconds, cpuSeconds, peakBytes, ...shared} = await fleet.rollOut({
      constant: run,
      weights: randomBytes(RELEASE_BYTES),
      maxParallel: Number(values.parallel),
    });
    console.log(
      `rollout ${run}: ${outcome}, ${confirmed} of ${counts.emulated + counts.real} devices in ${seconds.toFixed(1)} s; controller ${cpuSeconds.toFixed(1)} s of CPU, ${(peakBytes / 1e6).toFixed(0)} MB at the most; emulated devices ${shared.emulatorCpuSeconds.toFixed(1)} s, all on this machine ${shared.machineCpuSeconds.toFixed(1)} s`,
    );
    if (outcome !== 'complete') problems.push(`rollout ${run} ended ${outcome}: ${reason}`);
    if (seconds > MOST_SECONDS) problems.push(`rollout ${run} took ${seconds.toFixed(1)} s`);
    if (peakBytes > MOST_BYTES) problems.push(`rollout ${run} took ${(peakBytes / 1e6).toFixed(0)} MB`);
  }
  const refused = await fleet.countRefused();
  console.log(`refused sessions and connections: ${refused}`);
  if (refused > 0) problems.push(`${refused} were refused`);

  if (!values['without-ansible']) {
    const ansible = await openAnsible(fleet);
    const times = {edgewise: [] as number[], ansible: [] as number[]};
    for (let run = 0; run <= runs; run++) {
      const bytes = randomBytes(RELEASE_BYTES);
      const [ours, theirs] = [await timeShipping(fleet, bytes), await ansible.time(bytes)];
      // The first one warms both up.
      if (run === 0) continue;
      times.edgewise.push(ours);
      times.ansible.push(theirs);
    }
    const ratios = times.ansible.map((theirs, at) => theirs / (times.edgewise[at] ?? NaN));
    console.log(
      `1 MB to the ${counts.real} sshd, checked there: edgewise ${spread(times.edgewise)} s, ansible ${ansible.version} copy ${spread(times.ansible)} s, ratio ${spread(ratios)}`,
    );
    if (median(ratios) < LEAST_RATIO)
      problems.push(`${median(ratios).toFixed(2)} × faster than Ansible only`);
  }
} finally {
  await fleet.close();
}
for (const problem of problems) console.log(`MISSED: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
