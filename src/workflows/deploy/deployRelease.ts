import type {Machine} from '../../device/machine.ts';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {runStepOn, type EmitEvent} from '../../events.ts';
import type {RuntimeFiles} from '../../workspace/runtimeFiles.ts';
import type {Store} from '../../workspace/store.ts';
import type {Release} from '../../documents/release.ts';
import {activateRelease, type ActivatedRelease} from './activateRelease.ts';
import {checkHealth, type GoldenSample, type HealthReport} from './checkHealth.ts';
import {textFromSpeed, whyItStays, type SpeedGates} from './judgeSpeed.ts';
import {timeServing} from './servingTimes.ts';
import {confirmRelease} from './confirmRelease.ts';
import {passControllerStep} from './controllerSteps.ts';
import type {DeviceLock} from './deviceLock.ts';
import {readDeviceTruth} from './readDeviceTruth.ts';
import {revertRelease, settleOpenSwitch} from './revertRelease.ts';
import type {ShippedFile, Shipment} from './shipFiles.ts';
import {signRelease, type ReleaseSigner} from './signRelease.ts';
import {stageRelease, type StageOptions} from './stageRelease.ts';

export interface DeployParts {
  readonly store: Store;
  readonly composed: {readonly release: Release; readonly files: readonly ShippedFile[]};
  readonly runtime: RuntimeFiles;
  readonly key: ReleaseSigner;
  readonly golden: readonly GoldenSample[];
  readonly tolerance: number;
  /** Where the median of requests is predicted to lie at most. */
  readonly predictedMs: number | null;
  readonly gates: SpeedGates;
  /** Of the old release and of the new one; p95 passes no gate with fewer than 59. */
  readonly timedRequests?: number;
  readonly keepCount: number;
  /** Not over the connection that the switch goes over. */
  readonly withNewConnection: <T>(work: (machine: Machine) => Promise<T>) => Promise<T>;
  readonly confirmWithinMs?: number;
}

export interface DeployOptions extends StageOptions {
  readonly allowsDowngrade?: boolean;
  /** Take a device that is held for a rollout. */
  readonly takesOver?: boolean;
}

const TIMED_REQUESTS = 60;

/**
 * All phases in order on a device that is locked: settle what was left open, stage, switch, check, confirm over a new
 * connection, prune. What fails after the switch takes the device back.
 * @throws ExpectedError what the phases throw, `release-unhealthy`, `release-too-slow`, `rollback-failed`
 */
export async function deployRelease(
  machine: Machine,
  lock: DeviceLock,
  parts: DeployParts,
  options: DeployOptions,
  emit: EmitEvent,
): Promise<{readonly shipment: Shipment; readonly health: HealthReport}> {
  const {composed, golden, timedRequests = TIMED_REQUESTS} = parts;
  const {release} = composed;
  passControllerStep('lock:taken');
  // Read again: what was read before the lock may be another controller's past.
  const truth = await settleOpenSwitch(machine, await readDeviceTruth(machine));
  passControllerStep('switch:settled');
  const signed = await signRelease(parts.store, composed, truth, parts.key, {
    allowsDowngrade: options.allowsDowngrade === true,
  });
  const staged = await stageRelease(machine, lock, truth, parts, signed, options, emit);
  const health = await runStepOn(
    emit,
    machine.name,
    'activate',
    `activate ${release.id}`,
    async () => {
      const old = await timeServing(machine, staged.program, golden[0]?.inputs ?? {}, timedRequests);
      let activated: ActivatedRelease | null = null;
      try {
        activated = await activateRelease(machine, lock, staged, {
          ...(parts.confirmWithinMs === undefined ? {} : {confirmWithinMs: parts.confirmWithinMs}),
          onSwitched: switched => {
            activated = switched;
          },
        });
        const report = await checkHealth(machine, {
          release: release.id,
          program: staged.program,
          port: release.endpoint.port,
          model: release.model.name,
          golden,
          tolerance: parts.tolerance,
          runs: timedRequests,
          limits: {...parts.gates, predictedMs: parts.predictedMs, previous: old},
        });
        requireHealthy(report, machine.name);
        passControllerStep('release:healthy');
        await confirmRelease(parts.withNewConnection, activated, parts.keepCount);
        return report;
      } catch (error) {
        if (activated === null) throw error;
        throw await takeBack(machine, activated, error);
      }
    },
    ({times}) => ({detail: times === null ? 'confirmed' : `confirmed, p95 ${times.p95Ms.toFixed(2)} ms`}),
  );
  noteSpeed(health, machine.name, emit);
  return {shipment: staged, health};
}

function requireHealthy({release, problems}: HealthReport, device: string): void {
  if (problems.length === 0) return;
  const details = problems.map(({detail}) => detail).join('; ');
  if (problems.every(({kind}) => kind === 'too-slow'))
    throw new ExpectedError(
      'release-too-slow',
      `Release ${release} is too slow on ${device}: ${details}.`,
      EXIT.verdictNo,
      {
        hints: [
          `edgewise profile ${device}, then edgewise plan: the device may have changed`,
          'Raise rollout.gates.p95ToPrediction or p95ToPrevious in edgewise.yaml',
        ],
      },
    );
  throw new ExpectedError(
    'release-unhealthy',
    `Release ${release} is not well on ${device}: ${details}.`,
    EXIT.commandFailed,
    {hints: [`ssh ${device} cat .edgewise/agent.log`]},
  );
}

/** What is no reason to go back, but worth a word. */
function noteSpeed({times, speed}: HealthReport, device: string, emit: EmitEvent): void {
  if (times === null) return;
  const warn = (text: string): void => emit({kind: 'note', level: 'warning', text});
  const failed = speed.filter(({verdict}) => verdict === 'fail');
  const open = speed.filter(({verdict}) => verdict === 'inconclusive');
  if (failed.length > 0)
    warn(
      `${device}: ${failed.map(textFromSpeed).join('; ')}. It stays: ${whyItStays(speed)}. edgewise profile ${device} measures the device anew.`,
    );
  else if (open.length > 0)
    warn(
      `${device}: ${times.requests} requests do not tell whether p95 (${times.p95Ms.toFixed(2)} ms) is within ${open.map(({against, limitMs}) => `${limitMs.toFixed(2)} ms (${against === 'prediction' ? 'predicted' : 'the release before'})`).join(' and ')}.`,
    );
}

/** The failure to tell, once the device is back; or the worse one that it could not be taken back. */
async function takeBack(machine: Machine, activated: ActivatedRelease, error: unknown): Promise<unknown> {
  const reason = messageOf(error);
  if (isUnreachable(error)) return unconfirmed(machine, activated, error, reason);
  let current: string | null;
  try {
    ({current} = await revertRelease(machine, activated.program, {
      transaction: activated.transaction,
      reason,
    }));
  } catch (stuck) {
    if (stuck instanceof Error && isUnreachable(stuck.cause))
      return unconfirmed(machine, activated, stuck, reason);
    throw stuck;
  }
  if (!(error instanceof ExpectedError)) return error;
  const how = current === activated.release ? 'all the same' : 'again';
  const end = current === null ? 'Nothing was serving before.' : `${current} serves ${how}.`;
  return new ExpectedError(error.code, `${error.message} ${end}`, error.exitCode, {
    hints: error.hints,
    cause: error,
  });
}

function isUnreachable(error: unknown): boolean {
  return error instanceof ExpectedError && error.code === 'device-unreachable';
}

function unconfirmed(
  machine: Machine,
  {release}: ActivatedRelease,
  cause: unknown,
  reason: string,
): ExpectedError {
  return new ExpectedError(
    'switch-unconfirmed',
    `${reason} Release ${release} was not seen to be confirmed: without that ${machine.name} goes back by itself.`,
    EXIT.unreachable,
    {hints: [`edgewise devices ${machine.name}`], cause},
  );
}
