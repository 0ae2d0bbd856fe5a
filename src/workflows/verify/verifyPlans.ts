import {checkSupported} from '../../device/checkSupported.ts';
import type {Machine} from '../../device/machine.ts';
import {probeHardware} from '../../device/probeHardware.ts';
import type {Plan} from '../../documents/plan.ts';
import type {ProjectDevice} from '../../documents/project.ts';
import {tierPrecisionsOf} from '../../documents/tierBuilds.ts';
import {PAUSE_MS} from '../../engine/pauseMs.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {runStepOn, type EmitEvent} from '../../events.ts';
import {decideByMeasurement, type CandidateToDecide} from '../../placement/decideByMeasurement.ts';
import type {TimedReleases} from '../../runtime/measure/timeReleases.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import {collectRuntimeFiles} from '../../workspace/runtimeFiles.ts';
import {withDevice, type ConnectOptions} from '../connectDevice.ts';
import {withDeviceLock} from '../deploy/deviceLock.ts';
import {readDeviceTruth} from '../deploy/readDeviceTruth.ts';
import {requireSuccess} from '../deploy/runOnDevice.ts';
import {ship} from '../deploy/shipFiles.ts';
import {whenInterrupted} from '../interruption.ts';
import {openDataSet} from '../openDataSet.ts';
import {selectDevices, type OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {openEvaluationData} from '../projectData.ts';
import {runtimeArchitectureOf} from '../runtimeArchitecture.ts';
import {composeTemporaryReleases, type TemporaryReleases} from './temporaryReleases.ts';

export interface VerifyWish {
  /** How many of the best are measured, the chosen one among them. */
  readonly count: number;
  /** How often each is asked; as often as there is time for when left out. */
  readonly rounds?: number;
  readonly connect: ConnectOptions;
}

/** Rounds are made for so long, but at least and at most so many. */
const BUDGET_MS = 30_000;
const LEAST_ROUNDS = 12;
const MOST_ROUNDS = 60;
const WARM_UPS = 3;
/** A call that takes this many times what was predicted, and this long, is given up. */
const PATIENCE = 20;
const LEAST_PATIENCE_MS = 10_000;
const TIMEOUT_MS = 1_800_000;

/**
 * Builds the plans, runs their very parts on the device, its gateway and the cloud, in turn, and decides by what was measured.
 * The first is the one that was chosen by prediction. What the device serves goes on as it was, and nothing stays behind.
 * @throws ExpectedError `device-unreachable`, `device-locked`, `cloud-unreachable`, `verification-failed` …
 */
export async function verifyPlans(
  project: OpenProject,
  deviceName: string,
  prepared: PreparedModel,
  plans: readonly Plan[],
  {connect, rounds}: Pick<VerifyWish, 'connect' | 'rounds'>,
  emit: EmitEvent,
): Promise<Plan> {
  const [device] = selectDevices(project.project, [deviceName]);
  const [first] = plans;
  if (device === undefined || first === undefined) throw new Error('nothing to verify');
  const timed = await withDevice(project, device, connect, machine =>
    timeOnMachines({project, device, machine, prepared, connect, rounds}, plans, emit),
  );
  const {winner, verified} = decideByMeasurement(
    [
      candidateOf(first, timed.problems[0]),
      ...plans.slice(1).map((plan, at) => candidateOf(plan, timed.problems[at + 1])),
    ],
    timed.rounds,
    first.objective === 'latency',
  );
  const plan = plans[winner];
  const row = verified.candidates[winner];
  if (plan === undefined || row === undefined || row.measured === null)
    throw new ExpectedError(
      'verification-failed',
      `No candidate for ${deviceName} gave answers: ${row?.reason ?? 'there was none'}.`,
      EXIT.commandFailed,
      {hints: [`edgewise doctor ${deviceName}`, `edgewise plan ${deviceName}`]},
    );
  return {
    ...plan,
    verified,
    alternatives: plan.alternatives.map(alternative =>
      alternative.verdict === 'chosen' ? {...alternative, reason: row.reason} : alternative,
    ),
  };
}

interface Place {
  readonly project: OpenProject;
  readonly device: ProjectDevice;
  readonly machine: Machine;
  readonly prepared: PreparedModel;
  readonly connect: ConnectOptions;
  readonly rounds: number | undefined;
}

async function timeOnMachines(place: Place, plans: readonly Plan[], emit: EmitEvent): Promise<TimedReleases> {
  const {project, device, machine, prepared} = place;
  const {architecture, ...facts} = await probeHardware(machine);
  checkSupported({architecture, ...facts}, device.name);
  const runtime = await collectRuntimeFiles(runtimeArchitectureOf(architecture));
  const runtimeHex = hexOfDigest(runtime.digest);
  const {home} = await readDeviceTruth(machine);
  const samples =
    (await openEvaluationData(project, prepared.inputs)) ??
    (await openDataSet({random: {samples: prepared.inputs[0]?.shape[0] ?? 1}}, prepared.inputs));
  try {
    const request = {...place, runtimeDigest: runtime.digest, samples};
    const releases = await composeTemporaryReleases(request, plans);
    return await withDeviceLock(machine, () =>
      whenInterrupted(
        () => releases.takeAway(emit),
        async () => {
          try {
            await ship(machine, `runtime/${runtimeHex}`, runtime.files, 'runtime', emit);
            await releases.bring(emit);
            return await runInTurn(
              machine,
              `${home}/.edgewise`,
              runtimeHex,
              releases,
              plans,
              place.rounds,
              emit,
            );
          } finally {
            await releases.takeAway(emit);
          }
        },
      ),
    );
  } finally {
    await samples.close();
  }
}

function runInTurn(
  machine: Machine,
  root: string,
  runtimeHex: string,
  {folder, ids}: TemporaryReleases,
  plans: readonly Plan[],
  asked: number | undefined,
  emit: EmitEvent,
): Promise<TimedReleases> {
  const predictedMs = plans.map(({predicted}) => predicted.latencyMs);
  const roundMs = predictedMs.reduce((sum, ms) => sum + ms + PAUSE_MS, 0);
  const rounds = asked ?? Math.max(LEAST_ROUNDS, Math.min(MOST_ROUNDS, Math.floor(BUDGET_MS / roundMs)));
  const deadlineMs = Math.ceil(Math.max(LEAST_PATIENCE_MS, PATIENCE * Math.max(...predictedMs)));
  const argv = [
    `${root}/runtime/${runtimeHex}/bin/node`,
    `${root}/runtime/${runtimeHex}/edgewise.mjs`,
    'time-releases',
    ...['--folder', `${root}/${folder}`, '--releases', ids.join(',')],
    ...['--rounds', String(rounds), '--warm-ups', String(WARM_UPS), '--pause-ms', String(PAUSE_MS)],
    ...['--cloud-deadline-ms', String(deadlineMs)],
  ];
  return runStepOn(
    emit,
    machine.name,
    'verify',
    `run ${plans.length} candidates in turn, ${rounds} times`,
    async () => {
      const result = requireSuccess(machine, await machine.run(argv, {timeoutMs: TIMEOUT_MS}));
      return JSON.parse(result.stdout) as TimedReleases;
    },
  );
}

function candidateOf(plan: Plan, problem: string | null | undefined): CandidateToDecide {
  const {precision, predicted, alternatives} = plan;
  const name = alternatives.find(({verdict}) => verdict === 'chosen')?.name ?? 'this plan';
  return {
    name,
    ...(precision === undefined
      ? {}
      : {
          ...tierPrecisionsOf(precision),
          boundary: precision.boundary,
          input: precision.input,
          ...(precision.isPacked === undefined ? {} : {isPacked: precision.isPacked}),
        }),
    predictedMs: predicted.latencyMs,
    ...(predicted.interval90 === undefined ? {} : {predictedInterval90: predicted.interval90}),
    problem: problem ?? null,
  };
}
