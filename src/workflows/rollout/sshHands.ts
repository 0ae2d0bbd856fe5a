import type {Machine} from '../../device/machine.ts';
import {agentStatisticsSchema, type AgentStatistics} from '../../documents/agentStatistics.ts';
import type {DevicePhase} from '../../documents/rollout.ts';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import type {DeployOptions, DeployParts} from '../deploy/deployRelease.ts';
import {activateRelease, type ActivatedRelease} from '../deploy/activateRelease.ts';
import {checkHealth} from '../deploy/checkHealth.ts';
import {confirmRelease} from '../deploy/confirmRelease.ts';
import {HOLD_SECONDS, holdDevice} from '../deploy/deviceLock.ts';
import {readPreflight, type Preflight} from '../deploy/preflight.ts';
import {isServing, readDeviceTruth, type DeviceTruth} from '../deploy/readDeviceTruth.ts';
import {requireFit} from '../deploy/requireFit.ts';
import {requireForwarding} from '../deploy/requireForwarding.ts';
import {revertRelease, rollBackRelease, settleOpenSwitch} from '../deploy/revertRelease.ts';
import {withEndpoint} from '../deploy/servingTimes.ts';
import {signRelease} from '../deploy/signRelease.ts';
import {textFromSent} from '../deploy/shipFiles.ts';
import {stageRelease, type StagedRelease} from '../deploy/stageRelease.ts';
import type {DeviceHands, PhaseReport} from './deviceHands.ts';
import {keepDeviceRollout} from './deviceRollout.ts';
import {holdPatiently, isLocked, type HeldSession, type Holding, type Session} from './heldSession.ts';

export interface SshHandsParts extends Holding {
  readonly device: string;
  readonly rollout: string;
  readonly wave: number;
  /** To be kept by the device, for whoever goes on with the rollout. */
  readonly approvedWaves?: readonly number[];
  /** The rollout that the device was seen to know last, when this one began; a third one since then is at work now. */
  readonly knownRollout?: string | null;
  /** Once the device's processor is known; brings what other machines need, too. */
  readonly prepare: (machine: Machine, truth: DeviceTruth) => Promise<DeployParts>;
  readonly options: DeployOptions;
  /** How long the device stays held for the rollout without being asked for it again. */
  readonly holdSeconds?: number;
}

const TIMED_REQUESTS = 20;
/** Before it is known what is to be brought. */
const NO_LOAD = {files: [], port: 0};
const UNREACHABLE = new Set(['device-unreachable', 'command-timed-out']);

/** A device over SSH: one connection and one lock from staging to confirming, and a new connection for the confirmation. */
export function openSshHands(parts: SshHandsParts): DeviceHands {
  const {device, rollout, wave, approvedWaves = [], withMachine, options, holdSeconds = HOLD_SECONDS} = parts;
  const claim = {rollout: {id: rollout, holdSeconds}, takesOver: options.takesOver === true};
  let hasRelease = false;
  let session: HeldSession | null = null;
  let deploy: DeployParts | null = null;
  let staged: StagedRelease | null = null;
  let activated: ActivatedRelease | null = null;

  /** `look` comes before the lock, which is a file on the device already. */
  const open = async (look?: (machine: Machine) => Promise<void>): Promise<Session> => {
    session ??= await holdPatiently({...parts, claim}, look);
    return session;
  };
  const remember = async (machine: Machine, report: PhaseReport): Promise<PhaseReport> => {
    await keepDeviceRollout(machine, {
      rollout,
      wave,
      phase: report.phase,
      release: report.release ?? null,
      detail: report.detail ?? null,
      ...(approvedWaves.length === 0 ? {} : {approvedWaves: [...approvedWaves]}),
    });
    return report;
  };
  /** What fails after the switch takes the device back; who went silent goes back by itself. */
  const orTakeBack = async (
    phase: DevicePhase,
    work: () => Promise<string | undefined>,
  ): Promise<PhaseReport> => {
    const {machine} = await open();
    const release = staged?.release ?? activated?.release;
    const known = release === undefined ? {} : {release};
    try {
      const detail = await work();
      const report = {phase, ...known, ...(detail === undefined ? {} : {detail})};
      // In between, the open switch itself tells whoever goes on how far the device is.
      return phase === 'confirmed' ? await remember(machine, report) : report;
    } catch (error) {
      const detail = messageOf(error);
      if (isUnreachable(error)) return {phase: 'lost', detail, ...known};
      if (activated === null) return remember(machine, {phase: 'failed', detail, ...known});
      try {
        await revertRelease(machine, activated.program, {transaction: activated.transaction, reason: detail});
      } catch (stuck) {
        return isUnreachable(stuck)
          ? {phase: 'lost', detail, ...known}
          : {phase: 'revert-failed', detail: messageOf(stuck), ...known};
      }
      return remember(machine, {phase: 'failed', detail, ...known});
    }
  };

  return {
    async stage(emit) {
      try {
        let seen: Preflight | undefined;
        const {machine, lock} = await open(async looked => {
          seen = await readPreflight(looked);
          requireFit(seen, device, NO_LOAD);
        });
        const before = await readDeviceTruth(machine);
        if (!claim.takesOver) requireSameRollout(before, parts);
        deploy = await parts.prepare(machine, before);
        const {composed, runtime} = deploy;
        const {release} = composed;
        hasRelease = isThere(before, deploy);
        if (hasRelease) return {phase: 'unchanged', release: release.id};
        const files = [...runtime.files, ...composed.files];
        requireFit(seen ?? (await readPreflight(machine)), device, {files, port: release.endpoint.port});
        await requireForwarding(machine, release.endpoint.port);
        const adopted = openSwitchOf(before, release.id);
        // One that does not serve yet may be on its way back: the program that switched goes back when it is left alone.
        if (adopted !== null && isServing(before, release.id)) {
          activated = adopted;
          return await remember(machine, {
            phase: 'activated',
            release: release.id,
            detail: 'was switched before',
          });
        }
        const truth = await settleOpenSwitch(machine, before);
        const signed = await signRelease(deploy.store, deploy.composed, truth, deploy.key, {
          allowsDowngrade: options.allowsDowngrade === true,
        });
        staged = await stageRelease(machine, lock, truth, deploy, signed, options, emit);
        return await remember(machine, {
          phase: 'staged',
          release: release.id,
          ...(staged.sentFiles === 0 ? {} : {detail: textFromSent(staged)}),
        });
      } catch (error) {
        if (isTaken(error)) throw error;
        return {phase: isUnreachable(error) ? 'deferred' : 'failed', detail: messageOf(error)};
      }
    },
    activate: () =>
      orTakeBack('activated', async () => {
        const {machine, lock} = await open();
        if (staged === null || deploy === null) throw new Error(`${device} was not staged`);
        const {confirmWithinMs} = deploy;
        activated = await activateRelease(machine, lock, staged, {
          ...(confirmWithinMs === undefined ? {} : {confirmWithinMs}),
          onSwitched: switched => {
            activated = switched;
          },
        });
        return undefined;
      }),
    check: () =>
      orTakeBack('checked', async () => {
        const {machine} = await open();
        if (deploy === null || activated === null) throw new Error(`${device} was not switched`);
        const {release} = deploy.composed;
        const {problems, times} = await checkHealth(machine, {
          release: release.id,
          program: activated.program,
          port: release.endpoint.port,
          model: release.model.name,
          golden: deploy.golden,
          tolerance: deploy.tolerance,
          runs: TIMED_REQUESTS,
          // The gates of the wave judge that, over all its devices.
          limits: null,
        });
        if (problems.length > 0) throw new Error(problems.map(({detail}) => detail).join('; '));
        return times === null ? undefined : `p95 ${times.p95Ms.toFixed(2)} ms`;
      }),
    confirm: () =>
      orTakeBack('confirmed', async () => {
        if (activated === null || deploy === null) throw new Error(`${device} was not switched`);
        await confirmRelease(withMachine, activated, deploy.keepCount);
        hasRelease = true;
        return undefined;
      }),
    async revert(reason) {
      try {
        const {machine} = await open();
        const truth = await readDeviceTruth(machine);
        deploy ??= await parts.prepare(machine, truth);
        const {id} = deploy.composed.release;
        const {openSwitch, home} = truth;
        if (truth.currentRelease !== id && openSwitch?.pending.to !== id) {
          // What another rollout brought, and what the device keeps about it, is not this one's to take back.
          const other = truth.rollout?.rollout ?? rollout;
          if (other !== rollout)
            return {phase: 'reverted', release: id, detail: `taken over by rollout ${other}`};
        }
        let current = truth.currentRelease;
        if (openSwitch !== null) {
          const {transaction, toRuntime} = openSwitch.pending;
          ({current} = await revertRelease(machine, {home, runtimeHex: toRuntime}, {transaction, reason}));
        } else if (current === id) {
          const runtimeHex = truth.currentRuntime ?? hexOfDigest(deploy.runtime.digest);
          ({current} = await rollBackRelease(machine, {home, runtimeHex}, reason));
        }
        hasRelease = false;
        const detail = current === null ? 'no release, as before' : `back on ${current}`;
        return await remember(machine, {phase: 'reverted', release: id, detail});
      } catch (error) {
        if (isLocked(error)) throw error;
        return {phase: 'revert-failed', detail: messageOf(error)};
      }
    },
    async observe(wantedRequests) {
      const predictedMs = deploy?.predictedMs ?? null;
      const seen = {device, predictedMs};
      try {
        return await withMachine(async machine => {
          const truth = await readDeviceTruth(machine);
          deploy ??= await parts.prepare(machine, truth);
          const {release} = deploy.composed;
          const statistics = await measure(machine, deploy, wantedRequests).catch(() => null);
          const isCurrent = statistics?.current?.release === release.id;
          return {
            ...seen,
            predictedMs: deploy.predictedMs,
            atMs: Date.now(),
            isServing: isServing(truth, release.id),
            statistics: isCurrent ? statistics : null,
          };
        });
      } catch {
        // A device that cannot be asked has told nothing: its wave is not promoted.
        return {...seen, atMs: Date.now(), isServing: null, statistics: null};
      }
    },
    async close() {
      const held = session;
      session = null;
      await held?.end(!hasRelease);
    },
    async hold() {
      await withMachine(machine => holdDevice(machine, rollout, holdSeconds));
    },
    async letGo() {
      await withMachine(machine => holdDevice(machine, rollout, 0));
    },
  };
}

function isUnreachable(error: unknown): boolean {
  return error instanceof ExpectedError && UNREACHABLE.has(error.code);
}

export function isThere(
  truth: DeviceTruth,
  {composed, runtime}: Pick<DeployParts, 'composed' | 'runtime'>,
): boolean {
  return (
    isServing(truth, composed.release.id) &&
    truth.openSwitch === null &&
    truth.currentRuntime === hexOfDigest(runtime.digest) &&
    truth.ledger?.confirmed?.release === composed.release.id
  );
}

/** A switch to this very release that an earlier controller did not confirm: it is taken over as it is. */
function openSwitchOf({openSwitch, home}: DeviceTruth, release: string): ActivatedRelease | null {
  if (openSwitch === null || openSwitch.state !== 'pending' || openSwitch.pending.to !== release) return null;
  const {transaction, from, toRuntime} = openSwitch.pending;
  return {release, transaction, from, program: {home, runtimeHex: toRuntime}};
}

/** Sends golden requests, then reads what the agent has counted. */
async function measure(
  machine: Machine,
  {composed: {release}, golden}: DeployParts,
  wantedRequests: number,
): Promise<AgentStatistics> {
  return withEndpoint(machine, release.endpoint.port, async client => {
    for (let sent = 0; golden.length > 0 && sent < wantedRequests; sent++) {
      const inputs = golden[sent % golden.length]?.inputs ?? {};
      // A failed request is counted where it failed.
      await client.infer(release.model.name, {inputs}, {deadlineMs: 30_000}).catch(() => null);
    }
    return agentStatisticsSchema.parse(await client.readJson('/v2/edgewise/statistics'));
  });
}

/** Between two devices a controller holds no lock on either: two rollouts would otherwise take turns. */
function requireSameRollout(
  {rollout: kept}: DeviceTruth,
  {device, rollout, knownRollout}: SshHandsParts,
): void {
  if (kept === null || knownRollout === undefined) return;
  if (kept.rollout === rollout || kept.rollout === knownRollout) return;
  throw new ExpectedError(
    'rollout-under-way',
    `${device} was taken by rollout ${kept.rollout} since this one began: another controller is at work.`,
    EXIT.stale,
    {hints: ['edgewise devices', 'edgewise rollout resume']},
  );
}

/** By another controller. */
function isTaken(error: unknown): boolean {
  return isLocked(error) || (error instanceof ExpectedError && error.code === 'rollout-under-way');
}
