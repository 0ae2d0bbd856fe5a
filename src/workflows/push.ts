import {setTimeout as sleep} from 'node:timers/promises';
import {checkSupported} from '../device/checkSupported.ts';
import type {Machine} from '../device/machine.ts';
import {probeHardware} from '../device/probeHardware.ts';
import type {Plan} from '../documents/plan.ts';
import type {ProjectDevice} from '../documents/project.ts';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {runStep, type EmitEvent} from '../events.ts';
import {deviceScript} from '../workspace/deviceScript.ts';
import {hexOfDigest} from '../workspace/digest.ts';
import {collectRuntimeFiles} from '../workspace/runtimeFiles.ts';
import {composeRelease, type ComposedRelease} from './composeRelease.ts';
import {withDevice, type ConnectOptions} from './connectDevice.ts';
import {withDeviceLock} from './deviceLock.ts';
import {isServing, readDeviceState, type DeviceState} from './deviceState.ts';
import {openProject, type OpenProject} from './openProject.ts';
import {requireFreshPlan} from './planFreshness.ts';
import {withPreparedModel, type PreparedModel} from './prepareModel.ts';
import {readPlan} from './readPlan.ts';
import {bringCloudModels, otherMachinesOf} from './release/otherMachines.ts';
import {runtimeArchitectureOf} from './runtimeArchitecture.ts';
import {runScript, shipFolder, type Shipment} from './shipFiles.ts';

export interface PushResult {
  readonly device: string;
  readonly release: string;
  readonly previousRelease: string | null;
  readonly outcome: 'activated' | 'unchanged';
  readonly sentFiles: number;
  readonly sentBytes: number;
  readonly cloudModel: string | null;
  readonly endpointPort: number;
}

/** How long an agent may take from the switch to serving: a slow device loads its runtime and model from flash. */
const START_DEADLINE_MS = 120_000;

/**
 * Ships one plan's release to its device and makes it the one that serves. The old release answers until the new one
 * does; when the new one does not come up, the old one is made current again. A second push changes nothing.
 * @throws ExpectedError `plan-stale`, `plan-not-applyable`, `device-locked`, `disk-full`, `release-not-serving` …
 */
export async function push(
  request: {projectPath: string; planFile: string; device?: string; connect: ConnectOptions},
  emit: EmitEvent,
): Promise<PushResult> {
  const project = await openProject(request.projectPath);
  const {plan, text} = await readPlan(request.planFile);
  const device = deviceOfPlan(project, plan, request.planFile, request.device ?? plan.device);
  return withPreparedModel(project, emit, async prepared => {
    await requireFreshPlan(project, plan, prepared);
    return pushPlan({project, plan, text, device, prepared}, request.connect, emit);
  });
}

interface PushParts {
  readonly project: OpenProject;
  readonly plan: Plan;
  readonly text: string;
  readonly device: ProjectDevice;
  readonly prepared: PreparedModel;
}

async function pushPlan(parts: PushParts, connect: ConnectOptions, emit: EmitEvent): Promise<PushResult> {
  const {project, plan, text, device, prepared} = parts;
  return withDevice(project, device, connect, async machine => {
    const hardware = await runStep(emit, `${device.name}/preflight`, `${device.name}: preflight`, () =>
      probeHardware(machine),
    );
    checkSupported(hardware, device.name);
    const runtime = await collectRuntimeFiles(runtimeArchitectureOf(hardware.architecture));
    const others = otherMachinesOf(project, device, connect);
    const composed = await composeRelease(project, device, plan, text, prepared, {
      runtimeDigest: runtime.digest,
      ...others,
    });
    const runtimeHex = hexOfDigest(runtime.digest);
    const before = await readDeviceState(machine, runtimeHex);
    const cloudModel = await bringCloudModels(project, composed, emit);
    const brought = await others.bringParts(composed, emit);
    if (isServing(before, composed.release.id) && before.hasRuntime && before.isSupervised) {
      return resultOf(composed, before, 'unchanged', brought, cloudModel);
    }
    return withDeviceLock(machine, async () => {
      const runtimeShipment = await ship(machine, `runtime/${runtimeHex}`, runtime.files, 'runtime', emit);
      const {id} = composed.release;
      const shipment = await ship(machine, `releases/${id}`, composed.files, `release ${id}`, emit);
      await runStep(emit, `${device.name}/activate`, `${device.name}: activate ${id}`, () =>
        activate(machine, id, runtimeHex, before),
      );
      const kept = [id, ...(before.currentRelease === null ? [] : [before.currentRelease])];
      await others.dropUnusedParts(kept, emit);
      const sent = {
        sentFiles: brought.sentFiles + runtimeShipment.sentFiles + shipment.sentFiles,
        sentBytes: brought.sentBytes + runtimeShipment.sentBytes + shipment.sentBytes,
      };
      return resultOf(composed, before, 'activated', sent, cloudModel);
    });
  });
}

/** The one whose profile the plan rests on, or another member of its class. */
function deviceOfPlan(project: OpenProject, plan: Plan, planFile: string, name: string): ProjectDevice {
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

function resultOf(
  {release}: ComposedRelease,
  before: DeviceState,
  outcome: PushResult['outcome'],
  sent: Shipment,
  cloudModel: string | null,
): PushResult {
  return {
    device: release.device,
    release: release.id,
    previousRelease: outcome === 'activated' ? before.currentRelease : before.previousRelease,
    outcome,
    ...sent,
    cloudModel,
    endpointPort: release.endpoint.port,
  };
}

export async function ship(
  machine: Machine,
  folder: string,
  files: Parameters<typeof shipFolder>[2],
  what: string,
  emit: EmitEvent,
): Promise<Shipment> {
  return runStep(
    emit,
    `${machine.name}/${folder}`,
    `${machine.name}: send ${what}`,
    progress => shipFolder(machine, folder, files, progress),
    ({sentFiles, sentBytes}) =>
      sentFiles === 0
        ? {outcome: 'skipped', detail: 'nothing to send'}
        : {detail: `${sentFiles} files, ${(sentBytes / 1e6).toFixed(1)} MB`},
  );
}

/** Switches by one rename, has the agent load it, and believes only what is read back. */
async function activate(
  machine: Machine,
  id: string,
  runtimeHex: string,
  before: DeviceState,
): Promise<void> {
  await runScript(machine, deviceScript('activate', id));
  try {
    await startAndConfirm(machine, id, runtimeHex);
  } catch (error) {
    await revert(machine, runtimeHex, before, error);
    throw new ExpectedError(
      'release-not-serving',
      `Release ${id} did not come up on ${machine.name}: ${messageOf(error)} ${
        before.currentRelease === null
          ? 'Nothing was serving before.'
          : `${before.currentRelease} serves again.`
      }`,
      EXIT.commandFailed,
      {hints: [`ssh ${machine.name} cat .edgewise/agent.log`], cause: error},
    );
  }
}

async function startAndConfirm(machine: Machine, id: string, runtimeHex: string): Promise<void> {
  const earlier = await readDeviceState(machine, runtimeHex);
  const started = await runScript(machine, deviceScript('start-agent', runtimeHex));
  const attemptsBefore = started.stdout.trim() === 'reloaded' ? (earlier.agent?.attempts ?? 0) : 0;
  const deadline = Date.now() + START_DEADLINE_MS;
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 1.5, 1000)) {
    const state = await readDeviceState(machine, runtimeHex);
    if (isServing(state, id)) return;
    const {error, attempts = 0} = state.agent ?? {};
    if (error !== undefined && error !== null && attempts > attemptsBefore) {
      throw new Error(`the agent says: ${messageFrom(error)}`);
    }
    if (Date.now() > deadline) {
      throw new Error(`it was not serving after ${START_DEADLINE_MS / 1000} s.`);
    }
    await sleep(waitMs);
  }
}

function messageFrom(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return typeof error === 'string' ? error : JSON.stringify(error ?? 'nothing');
}

/** @throws ExpectedError `rollback-failed` (exit 15) when the old release does not serve again */
async function revert(
  machine: Machine,
  runtimeHex: string,
  before: DeviceState,
  because: unknown,
): Promise<void> {
  try {
    await runScript(
      machine,
      deviceScript('activate', before.currentRelease ?? '-', before.previousRelease ?? '-'),
    );
    if (before.currentRelease === null) await runScript(machine, deviceScript('stop-agent'));
    else await startAndConfirm(machine, before.currentRelease, runtimeHex);
  } catch (error) {
    throw new ExpectedError(
      'rollback-failed',
      `${machine.name} could not go back to ${before.currentRelease ?? 'no release'} (${messageOf(error)}) after: ${messageOf(because)}`,
      EXIT.rollbackFailed,
      {hints: [`ssh ${machine.name} cat .edgewise/agent.log`], cause: error},
    );
  }
}
