import type {Plan} from '../documents/plan.ts';
import type {ProjectDevice} from '../documents/project.ts';
import type {SavedBytes} from '../documents/savedBytes.ts';
import {completePolicy} from '../documents/rolloutPolicy.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {runStepOn, type EmitEvent} from '../events.ts';
import {hexOfDigest} from '../workspace/digest.ts';
import {collectRuntimeFiles} from '../workspace/runtimeFiles.ts';
import type {ComposedRelease} from './composeRelease.ts';
import {withDevice, type ConnectOptions} from './connectDevice.ts';
import type {HealthReport} from './deploy/checkHealth.ts';
import type {ReleaseSigner} from './deploy/signRelease.ts';
import {deployRelease, type DeployOptions} from './deploy/deployRelease.ts';
import {nameOwner, withDeviceLock} from './deploy/deviceLock.ts';
import {findServiceDrift} from './deploy/keepByService.ts';
import {retryWhenLost} from './deploy/retryWhenLost.ts';
import {readPreflight} from './deploy/preflight.ts';
import {isServing, readDeviceTruth, type DeviceTruth} from './deploy/readDeviceTruth.ts';
import {requireFit} from './deploy/requireFit.ts';
import {requireForwarding} from './deploy/requireForwarding.ts';
import {sumOfShipments, type Shipment} from './deploy/shipFiles.ts';
import {openFleet, type OpenFleet} from './openProject.ts';
import {readPlan} from './readPlan.ts';
import {bringCloudModels, otherMachinesOf} from './release/otherMachines.ts';
import type {ReleaseSource} from './release/releaseSource.ts';
import {runtimeArchitectureOf} from './runtimeArchitecture.ts';
import {withReleaseSources} from './withReleaseSources.ts';

export interface PushResult {
  readonly device: string;
  readonly release: string;
  readonly previousRelease: string | null;
  readonly outcome: 'activated' | 'unchanged';
  readonly sentFiles: number;
  readonly sentBytes: number;
  readonly savedBytes: SavedBytes;
  readonly cloudModel: string | null;
  readonly endpointPort: number;
  /** `null` when nothing was switched. */
  readonly health: HealthReport | null;
}

const DEFAULT_RETENTION = 3;
const NOTED_CLOCK_SECONDS = 300;

/**
 * Ships one plan's release to its device and makes it the one that serves. The old release answers until the new one
 * does; when the new one does not come up, or answers wrongly, or nobody confirms it, the device goes back by itself. A
 * second push changes nothing.
 * @throws ExpectedError `plan-stale`, `plan-not-applyable`, `device-locked`, `disk-full`, `release-not-serving`,
 * `release-unhealthy`, `release-too-slow` …
 */
export async function push(
  request: {
    projectPath: string;
    planFile: string;
    device?: string;
    connect: ConnectOptions;
    options?: DeployOptions;
    /** How often it goes on after a lost connection; 10 when left out. */
    retries?: number;
  },
  emit: EmitEvent,
): Promise<PushResult> {
  const project = await openFleet(request.projectPath);
  const {plan, text} = await readPlan(request.planFile);
  const device = deviceOfPlan(project, plan, request.planFile, request.device ?? plan.device);
  const wanted = {device, plan, written: plan, text};
  return withReleaseSources(project, [wanted], emit, async sources => {
    const source = sources.get(device.name)!;
    const key = await source.signer();
    const options = {service: device.service ?? 'auto', ...request.options};
    const parts = {project, plan, device, source, key, options, owner: nameOwner()};
    return retryWhenLost(emit, onConnected => pushPlan(parts, request.connect, emit, onConnected), {
      retries: request.retries,
    });
  });
}

interface PushParts {
  readonly project: OpenFleet;
  readonly plan: Plan;
  readonly device: ProjectDevice;
  readonly source: ReleaseSource;
  readonly key: ReleaseSigner;
  readonly options: DeployOptions;
  /** The same over all attempts: the lock of a connection that was lost is this push's own. */
  readonly owner: string;
}

async function pushPlan(
  parts: PushParts,
  connect: ConnectOptions,
  emit: EmitEvent,
  onConnected: () => void,
): Promise<PushResult> {
  const {project, plan, device, source, key, options} = parts;
  return withDevice(project, device, connect, async machine => {
    onConnected();
    const seen = await runStepOn(emit, device.name, 'preflight', 'preflight', () => readPreflight(machine));
    const before = seen.truth;
    noteClock(before, device.name, emit);
    const runtime = await collectRuntimeFiles(runtimeArchitectureOf(before.architecture));
    const others = otherMachinesOf(project, device, connect);
    const composed = await source.compose({runtimeDigest: runtime.digest, ...others});
    const isThere =
      isServing(before, composed.release.id) &&
      before.openSwitch === null &&
      before.currentRuntime === hexOfDigest(runtime.digest) &&
      before.ledger?.confirmed?.release === composed.release.id &&
      options.pinsAgain !== true &&
      (await findServiceDrift(machine, options.service ?? 'auto')).length === 0;
    // Before anything is changed, in the cloud neither.
    if (!isThere) {
      const {port} = composed.release.endpoint;
      requireFit(seen, device.name, {files: [...runtime.files, ...composed.files], port});
      await requireForwarding(machine, port);
    }
    const cloudModel = await bringCloudModels(project, composed, emit);
    const brought = await others.bringParts(composed, emit);
    if (isThere) return resultOf(composed, before, brought, cloudModel, null);
    return withDeviceLock(
      machine,
      async lock => {
        const golden = await source.golden();
        const {gates} = completePolicy(project.project.rollout);
        const {shipment, health} = await deployRelease(
          machine,
          lock,
          {
            store: project.store,
            composed,
            runtime,
            key,
            golden: golden.samples,
            tolerance: golden.tolerance,
            predictedMs: plan.predicted.interval90?.highMs ?? plan.predicted.latencyMs,
            gates,
            timedRequests: gates.minSamples,
            keepCount: project.project.retention ?? DEFAULT_RETENTION,
            withNewConnection: work => withDevice(project, device, connect, work),
          },
          options,
          emit,
        );
        // What the releases that are kept need of others must stay there as well: one of them may be gone back to.
        await others.dropUnusedParts((await readDeviceTruth(machine)).releases, emit);
        return resultOf(composed, before, sumOfShipments(brought, shipment), cloudModel, health);
      },
      {owner: parts.owner, takesOver: options.takesOver === true},
    );
  });
}

/** The one whose profile the plan rests on, or another member of its class. */
function deviceOfPlan(project: OpenFleet, plan: Plan, planFile: string, name: string): ProjectDevice {
  if (!plan.isApplyable) {
    throw new ExpectedError(
      'plan-not-applyable',
      `${planFile} is not applyable; see its refusals.`,
      EXIT.unsupported,
      {
        hints: [`edgewise explain ${planFile}`],
      },
    );
  }
  const device = project.project.devices.find(candidate => candidate.name === name);
  if (device !== undefined) return device;
  throw new ExpectedError(
    'plan-stale',
    `${planFile} is for device ${name}, which ${project.file} no longer has.`,
    EXIT.stale,
    {hints: ['edgewise plan']},
  );
}

/** Nothing of a push rests on it, but certificates and logs do. */
function noteClock({clockSeconds}: DeviceTruth, device: string, emit: EmitEvent): void {
  if (clockSeconds === null) return;
  const aheadSeconds = clockSeconds - Date.now() / 1000;
  if (Math.abs(aheadSeconds) < NOTED_CLOCK_SECONDS) return;
  const days = Math.abs(aheadSeconds) / 86_400;
  const off = days >= 2 ? `${days.toFixed(0)} days` : `${Math.abs(aheadSeconds).toFixed(0)} s`;
  emit({
    kind: 'note',
    level: 'warning',
    text: `${device}'s clock is ${off} ${aheadSeconds > 0 ? 'ahead of' : 'behind'} this machine's.`,
  });
}

function resultOf(
  {release}: ComposedRelease,
  before: DeviceTruth,
  sent: Shipment,
  cloudModel: string | null,
  health: HealthReport | null,
): PushResult {
  return {
    device: release.device,
    release: release.id,
    previousRelease: health === null ? before.previousRelease : before.currentRelease,
    outcome: health === null ? 'unchanged' : 'activated',
    sentFiles: sent.sentFiles,
    sentBytes: sent.sentBytes,
    savedBytes: sent.savedBytes,
    cloudModel,
    endpointPort: release.endpoint.port,
    health,
  };
}
