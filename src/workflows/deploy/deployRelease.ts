import type {Machine} from '../../device/machine.ts';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {runStep, type EmitEvent} from '../../events.ts';
import type {RuntimeFiles} from '../../workspace/runtimeFiles.ts';
import type {Store} from '../../workspace/store.ts';
import type {Release} from '../../documents/release.ts';
import {activateRelease, type ActivatedRelease} from './activateRelease.ts';
import {checkHealth, timeServing, type GoldenSample, type HealthReport} from './checkHealth.ts';
import {confirmRelease} from './confirmRelease.ts';
import {passControllerStep} from './controllerSteps.ts';
import type {DeviceLock} from './deviceLock.ts';
import {pruneReleases} from './pruneReleases.ts';
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
  readonly predictedMs: number | null;
  readonly keepCount: number;
  /** Not over the connection that the switch goes over. */
  readonly withNewConnection: <T>(work: (machine: Machine) => Promise<T>) => Promise<T>;
  readonly confirmWithinMs?: number;
}

export interface DeployOptions extends StageOptions {
  readonly allowsDowngrade?: boolean;
}

/** Timed requests of the old release and of the new one. */
const TIMED_REQUESTS = 20;
/** A new release this much slower than predicted, or than the old one, is worth a word. */
const NOTED_SLOWDOWN = 1.5;

/**
 * All phases in order on a device that is locked: settle what was left open, stage, switch, check, confirm over a new
 * connection, prune. What fails after the switch takes the device back.
 * @throws ExpectedError what the phases throw, `release-unhealthy`, `rollback-failed`
 */
export async function deployRelease(
  machine: Machine,
  lock: DeviceLock,
  parts: DeployParts,
  options: DeployOptions,
  emit: EmitEvent,
): Promise<{readonly shipment: Shipment; readonly health: HealthReport}> {
  const {composed, runtime, golden} = parts;
  const {release} = composed;
  passControllerStep('lock:taken');
  // Read again: what was read before the lock may be another controller's past.
  const truth = await settleOpenSwitch(machine, await readDeviceTruth(machine));
  passControllerStep('switch:settled');
  const signed = await signRelease(parts.store, composed, truth, parts.key, {
    allowsDowngrade: options.allowsDowngrade === true,
  });
  const staged = await stageRelease(machine, lock, truth, runtime, signed, options, emit);
  const old = await timeServing(machine, golden[0]?.inputs ?? {}, TIMED_REQUESTS);
  const health = await runStep(
    emit,
    `${machine.name}/activate`,
    `${machine.name}: activate ${release.id}`,
    async () => {
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
          port: release.endpoint.port,
          model: release.model.name,
          golden,
          tolerance: parts.tolerance,
          runs: TIMED_REQUESTS,
          predictedMs: parts.predictedMs,
          oldP95Ms: old?.p95Ms ?? null,
        });
        requireHealthy(report, machine.name);
        passControllerStep('release:healthy');
        await confirmRelease(parts.withNewConnection, activated);
        return report;
      } catch (error) {
        if (activated === null) throw error;
        throw await takeBack(machine, activated, error);
      }
    },
    ({times, p95ToPrediction}) => ({
      detail:
        times === null || p95ToPrediction === null
          ? 'confirmed'
          : `confirmed, p95 ${times.p95Ms.toFixed(2)} ms, ${p95ToPrediction.toFixed(2)} × the prediction`,
    }),
  );
  noteSlowness(health, machine.name, emit);
  await pruneReleases(machine, staged.program, parts.keepCount);
  passControllerStep('releases:pruned');
  return {shipment: staged, health};
}

function requireHealthy({release, problems}: HealthReport, device: string): void {
  if (problems.length === 0) return;
  throw new ExpectedError(
    'release-unhealthy',
    `Release ${release} is not well on ${device}: ${problems.map(({detail}) => detail).join('; ')}.`,
    EXIT.commandFailed,
    {hints: [`ssh ${device} cat .edgewise/agent.log`]},
  );
}

function noteSlowness(
  {times, p95ToPrediction, p95ToOld}: HealthReport,
  device: string,
  emit: EmitEvent,
): void {
  if (times === null) return;
  const slower = [
    ...(p95ToPrediction !== null && p95ToPrediction > NOTED_SLOWDOWN
      ? [`${p95ToPrediction.toFixed(1)} × the predicted latency`]
      : []),
    ...(p95ToOld !== null && p95ToOld > NOTED_SLOWDOWN ? [`${p95ToOld.toFixed(1)} × the old release's`] : []),
  ];
  if (slower.length > 0)
    emit({
      kind: 'note',
      level: 'warning',
      text: `${device}: p95 is ${times.p95Ms.toFixed(2)} ms, ${slower.join(' and ')}.`,
    });
}

/** The failure to tell, once the device is back; or the worse one that it could not be taken back. */
async function takeBack(machine: Machine, activated: ActivatedRelease, error: unknown): Promise<unknown> {
  const reason = messageOf(error);
  if (error instanceof ExpectedError && error.code === 'device-unreachable') {
    return new ExpectedError(
      'switch-unconfirmed',
      `${reason} Release ${activated.release} was not confirmed: ${machine.name} goes back by itself.`,
      EXIT.unreachable,
      {cause: error},
    );
  }
  const {current} = await revertRelease(machine, activated.program, {
    transaction: activated.transaction,
    reason,
  });
  if (!(error instanceof ExpectedError)) return error;
  const end = current === null ? 'Nothing was serving before.' : `${current} serves again.`;
  return new ExpectedError(error.code, `${error.message} ${end}`, error.exitCode, {
    hints: error.hints,
    cause: error,
  });
}
