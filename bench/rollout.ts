// Wave safety. Usage: npm run bench:rollout [-- --runs N --seed N]
// Bars (issue 5): exposure at most the canary wave and maxParallel, everything restored; nothing promoted above twice the
// allowed rate; at most 5 % false aborts below half of it; missing metrics pause.
// The state machine is run against simulated fleets, then the driver with its journal and the real clock against 100
// emulated devices.
import {parseArgs} from 'node:util';
import type {RolloutPolicyFields} from '../src/documents/rolloutPolicy.ts';
import {driveEmulatedFleet} from '../test/properties/emulatedFleet.ts';
import type {Behaviour} from '../test/properties/emulatedRelease.ts';
import {seededNumbers} from '../src/documents/seededNumbers.ts';
import {simulateRollout} from '../test/properties/simulatedFleet.ts';

const {values} = parseArgs({
  options: {runs: {type: 'string', default: '1000'}, seed: {type: 'string', default: '1'}},
});
const RUNS = Number(values.runs);
const FIRST_SEED = Number(values.seed);
const DEVICES = 100;
const PARALLEL = 10;
const POLICY: RolloutPolicyFields = {maxParallel: PARALLEL};
const ALLOWED_ERRORS = 0.05;

type Run = Pick<
  ReturnType<typeof simulateRollout>,
  'outcome' | 'exposed' | 'exposedSinceEvidence' | 'holding' | 'canaries' | 'mostInFlight'
>;

interface Row {
  readonly title: string;
  readonly runs: readonly Run[];
  /** Where a first device shows that the release is bad, or every one does. */
  readonly bar: (run: Run) => boolean;
  /** Of the devices, how many the release is bad on. */
  readonly badDevices?: number;
}

/** Bad releases: stopped, back everywhere, and at most maxParallel switched once more had failed than may. */
const isContained = (run: Run): boolean =>
  run.outcome === 'reverted' &&
  run.holding.size === 0 &&
  run.exposedSinceEvidence.size <= PARALLEL &&
  run.mostInFlight <= PARALLEL;
/** What is bad everywhere shows in the first wave. */
const isContainedEarly = (run: Run): boolean =>
  isContained(run) && run.exposed.size <= run.canaries + PARALLEL;

const BAD: readonly [
  string,
  (hit: boolean) => Behaviour,
  number,
  (run: Run) => boolean,
  RolloutPolicyFields?,
][] = [
  ['bad on 5 %', isBad => ({isBad}), 0.05, isContained],
  ['bad on 20 %', isBad => ({isBad}), 0.2, isContained],
  ['bad on 60 %', isBad => ({isBad}), 0.6, isContained],
  ['p95 × 1.5, 1.25 allowed', () => ({slowness: 1.5}), 1, isContainedEarly, {gates: {p95ToPrevious: 1.25}}],
  ['crashes after 20 s', () => ({crashesAfterMs: 20_000}), 1, isContainedEarly],
];

function hitDevices(seed: number, part: number): boolean[] {
  const random = seededNumbers(seed * 7919);
  const ranks = Array.from({length: DEVICES}, () => random());
  const border = ranks.toSorted((a, b) => a - b)[Math.round(part * DEVICES) - 1] ?? 0;
  return ranks.map(rank => rank <= border);
}

function simulate(count: number, behave: (seed: number) => Behaviour[], policy: RolloutPolicyFields): Run[] {
  return Array.from({length: count}, (_, index) => {
    const seed = FIRST_SEED + index;
    return simulateRollout(behave(seed), policy, seed);
  });
}

const everyDevice = (behaviour: Behaviour): Behaviour[] => Array.from({length: DEVICES}, () => behaviour);
const eachOfBad = Math.ceil(RUNS / BAD.length);
const simulated: Row[] = BAD.map(([title, behave, part, bar, more]) => ({
  title,
  bar,
  badDevices: Math.round(part * DEVICES),
  runs: simulate(eachOfBad, seed => hitDevices(seed, part).map(behave), {...POLICY, ...more}),
}));
const isNotPromoted = (run: Run): boolean =>
  run.outcome !== 'complete' &&
  run.exposed.size === run.canaries &&
  (run.outcome === 'paused' || run.holding.size === 0);
const errorRates: Row[] = [
  {
    title: `errors at 2 to 4 × the allowed rate`,
    bar: isNotPromoted,
    runs: simulate(
      RUNS,
      seed => everyDevice({errorRate: ALLOWED_ERRORS * 2 * (1 + seededNumbers(seed)())}),
      POLICY,
    ),
  },
  {
    title: 'errors at exactly twice the allowed rate',
    bar: isNotPromoted,
    runs: simulate(RUNS, () => everyDevice({errorRate: ALLOWED_ERRORS * 2}), POLICY),
  },
  {
    title: 'p95 × 1.5, 1.5 allowed: cannot be told',
    bar: isNotPromoted,
    runs: simulate(eachOfBad, () => everyDevice({slowness: 1.5}), POLICY),
  },
  {
    title: 'no measurements',
    bar: run => run.outcome === 'paused' && run.exposed.size === run.canaries,
    runs: simulate(eachOfBad, () => everyDevice({isSilent: true}), POLICY),
  },
];
const good: Row[] = [0.5, 0.25, 0].map(part => ({
  title: part === 0 ? 'a good release' : `errors at ${part} × the allowed rate`,
  bar: run => run.outcome === 'complete',
  runs: simulate(
    part === 0.5 ? RUNS : eachOfBad,
    () => everyDevice({errorRate: ALLOWED_ERRORS * part}),
    POLICY,
  ),
}));

const driven: Row[] = [];
for (const [title, behave, part, bar, more] of BAD) {
  const isCrash = title.startsWith('crashes');
  const policy = {...POLICY, ...more, soakSeconds: isCrash ? 22 : 1, patienceSeconds: 30};
  const run = await driveEmulatedFleet(hitDevices(FIRST_SEED, part).map(behave), policy, FIRST_SEED);
  driven.push({title, bar, runs: [run]});
}
const wellDriven = await driveEmulatedFleet(everyDevice({}), {...POLICY, soakSeconds: 1}, FIRST_SEED);
driven.push({title: 'a good release', bar: run => run.outcome === 'complete', runs: [wellDriven]});

let failures = 0;
print(
  `${RUNS} simulations of bad releases, and as many of each error rate; ${DEVICES} devices each:`,
  simulated,
  0,
);
print('never promoted:', errorRates, 0);
print('false aborts, of which 5 % are allowed:', good, 0.05);
print(`the driver, over ${DEVICES} emulated devices:`, driven, 0);
process.exitCode = failures === 0 ? 0 : 1;

function print(title: string, rows: readonly Row[], allowedPart: number): void {
  console.log(`\n${title}`);
  for (const {title: name, runs, bar, badDevices} of rows) {
    const misses = runs.filter(run => !bar(run)).length;
    if (misses > runs.length * allowedPart) failures++;
    const most = (of: (run: Run) => number): number => Math.max(...runs.map(of));
    const median = (of: (run: Run) => number): number =>
      runs.map(of).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)] ?? 0;
    const outcomes = [...new Set(runs.map(run => run.outcome))]
      .map(outcome => `${outcome} ${runs.filter(run => run.outcome === outcome).length}`)
      .join(', ');
    console.log(
      [
        `  ${name.padEnd(42)} ${String(runs.length).padStart(4)} runs: ${outcomes};`,
        `had it ${median(run => run.exposed.size)} (most ${most(run => run.exposed.size)}),`,
        `after the evidence ${most(run => run.exposedSinceEvidence.size)},`,
        `canaries ${most(run => run.canaries)}, misses ${misses} (${((misses / runs.length) * 100).toFixed(1)} %)`,
        ...(badDevices === undefined ? [] : [beyondText(runs, badDevices)]),
      ].join(' '),
    );
  }
}

/**
 * More than the canaries and those that are worked on at once had it; and how often that is so at the least, whatever the
 * rule: devices that are all well say the same of a good release, which has to go on.
 */
function beyondText(runs: readonly Run[], badDevices: number): string {
  const part = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const beyond = runs.filter(run => run.exposed.size > run.canaries + PARALLEL).length / runs.length;
  const well = (devices: number): number =>
    Array.from({length: devices}, (_, at) => (DEVICES - badDevices - at) / (DEVICES - at)).reduce(
      (product, chance) => product * Math.max(0, chance),
      1,
    );
  const canaries = runs[0]?.canaries ?? 0;
  return `; more than ${canaries + PARALLEL} had it in ${part(beyond)}, by no rule in less than ${part(well(canaries + PARALLEL))}`;
}
