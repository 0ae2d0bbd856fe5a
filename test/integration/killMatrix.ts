import {execFileSync, spawn} from 'node:child_process';
import {readdir, readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {DEVICE_STEPS} from '../../src/runtime/deploy/persistedSteps.ts';
import {CONTROLLER_STEPS, SCRIPT_STEPS} from '../../src/workflows/deploy/controllerSteps.ts';
import {isServing, readDeviceTruth} from '../../src/workflows/deploy/readDeviceTruth.ts';
import {rollBackRelease} from '../../src/workflows/deploy/revertRelease.ts';
import {hexOfDigest} from '../../src/workspace/digest.ts';
import {
  damagedFiles,
  deployAdding,
  makeDevice,
  newWeights,
  OLD_WEIGHTS,
  runningThrough,
  type TestDevice,
  type Workshop,
} from './deployDevice.ts';
import {floats} from './smallModels.ts';

export interface KillPoint {
  readonly step: string;
  readonly who: 'controller' | 'device';
  /** After the death: only that process is gone, or all of the device's, which then starts anew. */
  readonly then: 'goes-on' | 'power-cut';
}

/** Made from the code's own lists: a step that is added there is killed here. */
export const KILL_POINTS: readonly KillPoint[] = [
  ...CONTROLLER_STEPS.map(step => ({step, who: 'controller' as const})),
  ...[...SCRIPT_STEPS, ...DEVICE_STEPS].map(step => ({step, who: 'device' as const})),
].flatMap(point => (['goes-on', 'power-cut'] as const).map(then => ({...point, then})));

const LEASE_SECONDS = 2;
const CONFIRM_WITHIN_MS = 2500;
const AMPLE_MS = 120_000;
/** Of a deadline: what a device may take longer to be back. */
const GRACE_MS = 30_000;

const wrongGolden = [{inputs: {x: floats([1, 4], [0, 0, 0, 0])}, outputs: {y: floats([1, 4], [9, 9, 9, 9])}}];

/**
 * A device serves release 1 when a deployment of release 2 dies at the point. Returns what is wrong afterwards: at once,
 * once the deadline is over, and after the next deployment; nothing, if all is well.
 */
export async function killAt(workshop: Workshop, point: KillPoint): Promise<string[]> {
  const device = await makeDevice(workshop);
  try {
    // Where old releases are pruned there must be some.
    if (point.step.startsWith('prune:')) await deployAdding(workshop, device, 0.5, {madeSecond: 0});
    const {release: first} = await deployAdding(workshop, device, 1, {weights: [OLD_WEIGHTS]});
    if (point.step.startsWith('tree:')) await forgetRuntimeFolder(workshop, device);
    const weights = [newWeights(point.step)];
    const hasDied =
      point.who === 'controller'
        ? await controllerDies(workshop, device, point.step)
        : await deviceDies(workshop, device, point.step, weights);
    const diedAt = performance.now();
    const problems = hasDied
      ? []
      : [`nothing died after ${point.step}, or its push did not end as it should`];
    if (point.then === 'power-cut') await device.cutPower();
    problems.push(...(await problemsAtRest(device)));
    if (point.then === 'power-cut') await device.start(true);
    problems.push(...(await problemsOfSettling(device, first)));
    await sleep(Math.max(0, LEASE_SECONDS * 1000 + 1000 - (performance.now() - diedAt)));
    await deployAdding(workshop, device, 2, {options: {takesBad: true}, weights}).catch((error: unknown) =>
      problems.push(`the next push failed: ${String(error)}`),
    );
    const answer = await device.answer().catch(String);
    if (answer !== 2) problems.push(`after the next push the answer is ${answer}`);
    problems.push(...(await problemsAtRest(device)), ...(await leftovers(device)));
    return problems;
  } finally {
    await device.remove();
  }
}

async function forgetRuntimeFolder(workshop: Workshop, device: TestDevice): Promise<void> {
  await device.cutPower();
  await rm(join(device.root, 'runtime', hexOfDigest(workshop.runtime.digest)), {recursive: true});
  execFileSync('cp', [
    '-al',
    join(workshop.template, '.edgewise/runtime', hexOfDigest(workshop.runtime.digest)),
    join(device.root, 'serving-runtime'),
  ]);
  execFileSync(join(device.root, 'serving-runtime/bin/node'), [
    join(device.root, 'serving-runtime/edgewise.mjs'),
    'supervise',
    '--home',
    device.root,
  ]);
}

async function deviceDies(
  workshop: Workshop,
  device: TestDevice,
  step: string,
  weights: readonly Uint8Array[],
): Promise<boolean> {
  if (step.startsWith('roll-back:')) return rollBackDies(workshop, device, step, weights);
  if (step.startsWith('patch:')) {
    // Whole files are sent instead of what could not be made there.
    const {savedBytes} = await deployAdding(workshop, device, 2, {diesAfter: step, weights});
    return savedBytes.byDeltas < 0;
  }
  const isReversal = step.startsWith('revert:');
  // The device knows its key since the first release: it learns one only when it is told to forget that.
  const options = step === 'admit:pinned' ? {pinsAgain: true} : {};
  // From the confirmation on the release is the device's choice, and the controller says so, whatever has died there.
  const endsWell = /^(confirm|prune):/.test(step);
  let hasDied = !endsWell;
  const succeeds = await deployAdding(workshop, device, 2, {
    diesAfter: step,
    options,
    leaseSeconds: LEASE_SECONDS,
    weights,
    parts: {
      keepCount: 1,
      // A deadline that a busy machine misses would end the push before it comes to this point.
      confirmWithinMs: endsWell ? AMPLE_MS : CONFIRM_WITHIN_MS,
      withNewConnection: work =>
        device.withMachine(
          machine =>
            work(
              runningThrough(machine, async (...command) => {
                const result = await machine.run(...command);
                hasDied ||= result.signal === 'SIGKILL';
                return result;
              }),
            ),
          step,
        ),
      ...(isReversal ? {golden: wrongGolden} : {}),
    },
  }).then(
    () => true,
    () => false,
  );
  return hasDied && succeeds === endsWell;
}

/** Release 2 was confirmed long ago when somebody goes back from it. */
async function rollBackDies(
  workshop: Workshop,
  device: TestDevice,
  step: string,
  weights: readonly Uint8Array[],
): Promise<boolean> {
  await deployAdding(workshop, device, 2, {leaseSeconds: LEASE_SECONDS, weights});
  const program = {home: device.home, runtimeHex: hexOfDigest(workshop.runtime.digest)};
  return device.withMachine(
    machine =>
      rollBackRelease(machine, program, 'a test').then(
        () => false,
        () => true,
      ),
    step,
  );
}

/** In a process of its own, for it is to be killed. */
async function controllerDies(workshop: Workshop, device: TestDevice, step: string): Promise<boolean> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'killedController.ts'), workshop.folder, device.home, String(device.port)],
    {env: {...process.env, EDGEWISE_DIES_AFTER: step}, stdio: ['ignore', 'ignore', 'inherit']},
  );
  return new Promise(resolve => child.once('exit', (_code, signal) => resolve(signal === 'SIGKILL')));
}

/** What must hold at any moment, also with everything off: `current` is a whole release with the right bytes. */
async function problemsAtRest(device: TestDevice): Promise<string[]> {
  const current = await device.current();
  const damaged = await damagedFiles(device.root);
  const releases = await readdir(join(device.root, 'releases'));
  return [
    ...(current !== null && releases.includes(current) ? [] : [`current is ${current}`]),
    ...damaged.map(path => `${path} is damaged`),
  ];
}

/** Without any controller: back on the old release or confirmed on the new one, and serving it. */
async function problemsOfSettling(device: TestDevice, first: string): Promise<string[]> {
  const startedAt = performance.now();
  for (;;) {
    const truth = await device.withMachine(readDeviceTruth);
    const {currentRelease, ledger, openSwitch} = truth;
    const isSettled = openSwitch === null && currentRelease !== null && isServing(truth, currentRelease);
    const isRight = currentRelease === first || ledger?.confirmed?.release === currentRelease;
    if (isSettled && isRight) {
      const answer = await device.answer().catch(String);
      const wanted = currentRelease === first ? 1 : 2;
      return answer === wanted ? [] : [`${currentRelease} answers ${answer}`];
    }
    if (performance.now() - startedAt > CONFIRM_WITHIN_MS + GRACE_MS)
      return [
        `not settled: current ${currentRelease}, ${openSwitch?.state ?? 'no open switch'}, agent ${JSON.stringify(truth.agent)}`,
      ];
    await sleep(100);
  }
}

async function leftovers(device: TestDevice): Promise<string[]> {
  const names = [
    ...(await readdir(device.root)),
    ...(await readdir(join(device.root, 'releases'))),
    ...(await readdir(join(device.root, 'blobs/sha256'))),
    ...(await readdir(join(device.root, 'locks'))),
  ];
  const locks = await readdir(join(device.root, 'locks'));
  const held = [];
  for (const name of locks) {
    const text = await readFile(join(device.root, 'locks', name), 'utf8');
    if (!text.startsWith('- ')) held.push(`lock ${name} is still held: ${text}`);
  }
  const temporary = /\.partial$|\.new$|^(pending|confirming|reverting)\.json$|^deploying$/;
  return [...names.filter(name => temporary.test(name)).map(name => `${name} is left over`), ...held];
}
