import type {RolloutRecord, RolloutSummary} from '../../documents/rollout.ts';
import type {ForeseenSending} from '../../documents/savedBytes.ts';
import {completePolicy} from '../../documents/rolloutPolicy.ts';
import {writeHeader} from '../../documents/writeHeader.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {runStep, type EmitEvent} from '../../events.ts';
import {waveToApprove} from '../../rollout/nextSteps.ts';
import {pickShard, planWaves} from '../../rollout/planWaves.ts';
import {stateOfRollout} from '../../rollout/rolloutState.ts';
import {summarizeRollout} from '../../rollout/summarizeRollout.ts';
import {readOwnVersion} from '../../workspace/ownVersion.ts';
import {
  createJournal,
  journalFile,
  listJournals,
  readJournal,
  type RolloutJournal,
} from '../../workspace/rolloutJournal.ts';
import {withDevice, type ConnectOptions} from '../connectDevice.ts';
import type {DeployOptions} from '../deploy/deployRelease.ts';
import {openFleet, type OpenFleet} from '../openProject.ts';
import {driveRollout} from './driveRollout.ts';
import {foreseeSending} from './foreseeSending.ts';
import {keepApproval} from './keepApproval.ts';
import {lookAtFleet, recordsFromDevices, type SeenDevice} from './lookAtFleet.ts';
import {withHands} from './openHands.ts';
import {reportRollout, type RolloutReports} from './reportRollout.ts';
import {digestOfTargets, findTargets, type RolloutTarget} from './rolloutTargets.ts';

export interface RolloutRequest {
  readonly projectPath: string;
  /** All when empty. */
  readonly devices: readonly string[];
  readonly shard: {readonly index: number; readonly count: number} | null;
  readonly connect: ConnectOptions;
  readonly options: DeployOptions;
  readonly reports: RolloutReports;
}

export type Resumption =
  | {
      readonly kind: 'resume';
      /** Where nobody knows of a rollout of these plans. */ readonly startsOne?: boolean;
    }
  /** The wave that waits may begin. */
  | {readonly kind: 'approve'}
  /** Everything that has the new release is taken back. */
  | {readonly kind: 'take-back'; readonly reason: string};

interface Prepared {
  readonly project: OpenFleet;
  readonly targets: readonly RolloutTarget[];
  readonly seen: ReadonlyMap<string, SeenDevice>;
  /** Names what is rolled out; a rollout's id is this and how often it was tried. */
  readonly base: string;
}

/** The lease of a controller that died, and a little more. */
const LEASE_PATIENCE_MS = 125_000;

/**
 * Rolls the plans out, wave by wave, until the rollout ends, pauses or waits for approval.
 * @throws ExpectedError `rollout-under-way`, `plan-missing`, `plan-stale`, `device-locked`
 */
export async function startRollout(request: RolloutRequest, emit: EmitEvent): Promise<RolloutSummary> {
  return startPrepared(await prepare(request, emit), request, emit);
}

async function startPrepared(
  prepared: Prepared,
  request: RolloutRequest,
  emit: EmitEvent,
): Promise<RolloutSummary> {
  const {project, seen, base} = prepared;
  const open = (await journalsOf(project, base)).find(({rollout}) => {
    const {ended} = stateOfRollout(rollout);
    return ended === null || ended.outcome === 'paused' || ended.outcome === 'waiting-for-approval';
  });
  const between = [...seen.values()].find(
    ({truth}) =>
      truth?.rollout?.rollout.startsWith(`${base}-`) === true &&
      ['staged', 'activated', 'checked'].includes(truth.rollout.phase),
  );
  if (open !== undefined || between !== undefined) {
    throw new ExpectedError(
      'rollout-under-way',
      `Rollout ${open?.rollout.id ?? between?.truth?.rollout?.rollout ?? base} of these plans has not ended.`,
      EXIT.stale,
      {hints: ['edgewise rollout resume', 'edgewise rollout abort']},
    );
  }
  const journal = await createJournal(
    ...(await headOf(prepared, `${base}-${(await lastAttempt(prepared)) + 1}`)),
  );
  return drive(prepared, journal, request, emit);
}

/**
 * Goes on with a rollout, from this machine's journal or, where there is none, from what the devices say.
 * @throws ExpectedError `no-rollout`, `no-approval-wanted`, `device-locked`
 */
export async function resumeRollout(
  request: RolloutRequest,
  resumption: Resumption,
  emit: EmitEvent,
): Promise<RolloutSummary> {
  const prepared = await prepare(request, emit);
  const patient = {...request, lockPatienceMs: LEASE_PATIENCE_MS};
  const {project, seen, base} = prepared;
  const attempt = await lastAttempt(prepared);
  if (attempt === 0) {
    if (resumption.kind === 'resume' && resumption.startsOne === true)
      return startPrepared(prepared, request, emit);
    throw new ExpectedError(
      'no-rollout',
      'Neither this folder nor any device that answers knows a rollout of these plans.',
      EXIT.usage,
      {hints: ['edgewise rollout start', 'edgewise rollout resume --or-start']},
    );
  }
  const id = `${base}-${attempt}`;
  const known = (await journalsOf(project, base)).find(({rollout}) => rollout.id === id);
  const journal = known ?? (await createJournal(...(await headOf(prepared, id))));
  const at = new Date().toISOString();
  const {ended} = stateOfRollout(journal.rollout);
  const isOver =
    ended?.outcome === 'reverted' || (ended?.outcome === 'complete' && resumption.kind !== 'take-back');
  if (isOver) {
    const summary = summarizeRollout(journal.rollout);
    await reportRollout(summary, request.reports);
    return summary;
  }
  const records: RolloutRecord[] = [
    {record: 'resumed', at},
    ...recordsFromDevices(journal.rollout, seen, at),
    ...(resumption.kind === 'take-back' ? [{record: 'stopped' as const, at, reason: resumption.reason}] : []),
  ];
  const next = await appended(journal, records);
  if (resumption.kind !== 'approve') return drive(prepared, next, patient, emit);
  const {policy} = next.rollout;
  const wave = waveToApprove(stateOfRollout(next.rollout), policy);
  if (wave === null)
    throw new ExpectedError(
      'no-approval-wanted',
      `No wave of rollout ${id} waits for approval.`,
      EXIT.usage,
      {
        hints: ['edgewise rollout status', 'edgewise rollout resume'],
      },
    );
  const approved = await appended(next, [{record: 'approved', at, wave}]);
  const {targets} = prepared;
  const takingPart = targets.filter(({device}) => seen.get(device.name)?.truth?.rollout?.rollout === id);
  await keepApproval(
    id,
    stateOfRollout(approved.rollout),
    takingPart.map(({device}) => ({withMachine: use => withDevice(project, device, request.connect, use)})),
    emit,
  );
  return drive(prepared, approved, patient, emit);
}

/** Waves and devices as they would be, and what each device lacks now; changes nothing. */
export async function previewRollout(
  request: RolloutRequest,
  emit: EmitEvent,
): Promise<{
  readonly summary: RolloutSummary;
  readonly soakMs: number;
  readonly problems: Record<string, string>;
  readonly sending: Record<string, ForeseenSending>;
}> {
  const prepared = await prepare(request, emit);
  const {project, targets, seen} = prepared;
  const [, head] = await headOf(prepared, `${prepared.base}-${(await lastAttempt(prepared)) + 1}`);
  const problems = [...prepared.seen.values()].flatMap(({device, problem}) =>
    problem === null ? [] : [[device, problem] as const],
  );
  return {
    summary: summarizeRollout({...head, records: []}),
    soakMs: head.policy.soakMs,
    problems: Object.fromEntries(problems),
    sending: await foreseeSending(project, targets, seen, request.connect, emit),
  };
}

/** All rollouts of this folder, oldest first. */
export async function listRollouts(projectPath: string): Promise<RolloutSummary[]> {
  const {rolloutFolder} = await openFleet(projectPath);
  const journals = await Promise.all((await listJournals(rolloutFolder)).map(readJournal));
  return journals.map(({rollout}) => summarizeRollout(rollout));
}

async function prepare(request: RolloutRequest, emit: EmitEvent): Promise<Prepared> {
  const project = await openFleet(request.projectPath);
  const fields = project.project.rollout ?? {};
  const all = await findTargets(project, request.devices, fields);
  const candidates = all.map(target => ({...target, device: target.device.name, isReachable: true, target}));
  const shard = request.shard;
  const targets = shard === null ? all : pickShard(candidates, shard, 'shards').map(({target}) => target);
  const seen = await runStep(
    emit,
    'fleet/look',
    `look at ${targets.length} devices`,
    () =>
      lookAtFleet(
        targets.map(({device}) => ({
          device: device.name,
          withMachine: use => withDevice(project, device, request.connect, use),
        })),
      ),
    found => ({detail: `${[...found.values()].filter(({truth}) => truth !== null).length} answer`}),
  );
  return {project, targets, seen, base: `r-${digestOfTargets(targets)}`};
}

/** The file and head of a journal. Where devices know their wave already, it stays. */
async function headOf(
  {project, targets, seen}: Prepared,
  id: string,
): Promise<Parameters<typeof createJournal>> {
  const policy = completePolicy(project.project.rollout);
  const planned = planWaves(
    targets.map(({device, hardwareClass, planDigest}) => ({
      device: device.name,
      hardwareClass,
      plan: planDigest,
      isReachable: (seen.get(device.name)?.truth ?? null) !== null,
    })),
    policy.waves,
    id,
  );
  const devices = planned.map(({device, hardwareClass, plan, wave}) => {
    const kept = seen.get(device)?.truth?.rollout ?? null;
    return {device, hardwareClass, plan, wave: kept?.rollout === id ? kept.wave : wave};
  });
  const madeFrom = Object.fromEntries(devices.map(({device, plan}) => [`plan ${device}`, plan]));
  const header = writeHeader('rollout', {version: readOwnVersion(), now: new Date(), madeFrom});
  return [journalFile(project.rolloutFolder, id), {...header, id, policy, devices}];
}

async function journalsOf({rolloutFolder}: OpenFleet, base: string): Promise<RolloutJournal[]> {
  const journals = await Promise.all((await listJournals(rolloutFolder)).map(readJournal));
  return journals.filter(({rollout}) => rollout.id.startsWith(`${base}-`));
}

/** 0: never tried, as far as anybody knows. */
async function lastAttempt({project, seen, base}: Prepared): Promise<number> {
  const ids = [
    ...(await journalsOf(project, base)).map(({rollout}) => rollout.id),
    ...[...seen.values()].flatMap(({truth}) => truth?.rollout?.rollout ?? []),
  ];
  const attempts = ids.filter(id => id.startsWith(`${base}-`)).map(id => Number(id.slice(base.length + 1)));
  return Math.max(0, ...attempts.filter(Number.isInteger));
}

async function appended(journal: RolloutJournal, records: readonly RolloutRecord[]): Promise<RolloutJournal> {
  for (const record of records) await journal.append(record);
  return readJournal(journal.file);
}

async function drive(
  {project, targets, seen}: Prepared,
  journal: RolloutJournal,
  request: RolloutRequest & {readonly lockPatienceMs?: number},
  emit: EmitEvent,
): Promise<RolloutSummary> {
  await withHands(project, targets, journal.rollout, {...request, seen}, emit, hands =>
    driveRollout(journal, hands, emit),
  );
  const summary = summarizeRollout((await readJournal(journal.file)).rollout);
  await reportRollout(summary, request.reports);
  return summary;
}
