import type {DeviceState} from '../documents/fleetState.ts';
import type {ServiceKind} from '../documents/project.ts';
import type {Release} from '../documents/release.ts';
import {runStep, type EmitEvent} from '../events.ts';
import type {Machine} from '../device/machine.ts';
import {deviceScript} from '../workspace/deviceScript.ts';
import {hexOfDigest} from '../workspace/digest.ts';
import {collectRuntimeFiles} from '../workspace/runtimeFiles.ts';
import {messageOf} from '../errors.ts';
import {composeRelease} from './composeRelease.ts';
import {withDevice, type ConnectOptions} from './connectDevice.ts';
import {isServing, readDeviceTruth, type DeviceTruth} from './deploy/readDeviceTruth.ts';
import {findServiceDrift} from './deploy/keepByService.ts';
import {runScript} from './deploy/runOnDevice.ts';
import {openProject, selectDevices, type OpenProject} from './openProject.ts';
import {withPreparedModel, type PreparedModel} from './prepareModel.ts';
import {otherMachinesOf} from './release/otherMachines.ts';
import {forEachLimited} from './rollout/forEachLimited.ts';
import {findTargets} from './rollout/rolloutTargets.ts';
import {runtimeArchitectureOf} from './runtimeArchitecture.ts';

export interface DevicesRequest {
  readonly projectPath: string;
  readonly devices: readonly string[];
  /** Hold every device against its plan, down to the bytes of its files. */
  readonly check: boolean;
  readonly connect: ConnectOptions;
}

/** Below what a default sshd or a bastion refuses. */
const CONNECTIONS = 16;

/** Every device of the fleet, asked now: whether it answers, what it has, and where that differs from what is declared. */
export async function listDevices(request: DevicesRequest, emit: EmitEvent): Promise<DeviceState[]> {
  const project = await openProject(request.projectPath);
  if (!request.check) return askDevices(project, request, null, emit);
  return withPreparedModel(project, emit, prepared => askDevices(project, request, prepared, emit));
}

async function askDevices(
  project: OpenProject,
  {devices: names, connect}: DevicesRequest,
  prepared: PreparedModel | null,
  emit: EmitEvent,
): Promise<DeviceState[]> {
  const devices = selectDevices(project.project, names);
  const found = new Map<string, DeviceState>();
  const askOne = async (device: (typeof devices)[number]): Promise<void> => {
    const about = {
      device: device.name,
      address: device.address,
      target: device.target ?? null,
      currentRelease: null,
      declaredRelease: null,
      drift: [],
    };
    try {
      await withDevice(project, device, connect, async machine => {
        const truth = await readDeviceTruth(machine);
        const declared =
          prepared === null ? null : await declaredRelease(project, device.name, truth, prepared, connect);
        found.set(device.name, {
          ...about,
          isReachable: true,
          currentRelease: truth.currentRelease,
          declaredRelease: declared?.id ?? null,
          drift: declared === null ? [] : await findDrift(machine, truth, declared, device.service ?? 'auto'),
          problem: null,
        });
      });
    } catch (error) {
      found.set(device.name, {...about, isReachable: false, problem: messageOf(error)});
    }
  };
  await runStep(emit, 'devices/ask', `ask ${devices.length} devices`, () =>
    forEachLimited(devices, CONNECTIONS, askOne),
  );
  return devices.flatMap(({name}) => found.get(name) ?? []);
}

async function declaredRelease(
  project: OpenProject,
  name: string,
  truth: DeviceTruth,
  prepared: PreparedModel,
  connect: ConnectOptions,
): Promise<Release> {
  const [target] = await findTargets(project, [name], {});
  if (target === undefined) throw new Error(`no target for ${name}`);
  const runtime = await collectRuntimeFiles(runtimeArchitectureOf(truth.architecture));
  const others = otherMachinesOf(project, target.device, connect);
  const machines = {runtimeDigest: runtime.digest, ...others};
  const {release} = await composeRelease(
    project,
    target.device,
    target.plan,
    target.planText,
    prepared,
    machines,
  );
  return release;
}

async function findDrift(
  machine: Machine,
  truth: DeviceTruth,
  declared: Release,
  service: ServiceKind,
): Promise<string[]> {
  const current = truth.currentRelease;
  if (current === null) return ['no release'];
  if (current !== declared.id) return [`release ${current} instead of ${declared.id}`];
  return [
    ...(truth.openSwitch === null ? [] : ['a switch that nobody has confirmed']),
    ...(truth.currentRuntime === hexOfDigest(declared.runtime)
      ? []
      : [
          `runtime ${truth.currentRuntime?.slice(0, 12) ?? 'none'} instead of ${hexOfDigest(declared.runtime).slice(0, 12)}`,
        ]),
    ...(truth.isSupervised ? [] : ['nothing keeps the agent alive']),
    ...(await findServiceDrift(machine, service)),
    ...(isServing(truth, current) ? [] : [`the agent is ${truth.agent?.status ?? 'not there'}`]),
    ...driftOfFiles(
      declared,
      (await runScript(machine, deviceScript('hashes', current), '', 600_000)).stdout,
    ),
  ];
}

/** From lines of sha256sum. */
function driftOfFiles({files}: Release, lines: string): string[] {
  const hashes = new Map(
    lines.split('\n').flatMap(line => {
      const [, hex, path] = /^([0-9a-f]{64}) [ *]\.\/(.+)$/.exec(line) ?? [];
      return hex === undefined || path === undefined ? [] : [[path, `sha256:${hex}`] as const];
    }),
  );
  return files.flatMap(({path, digest}) => {
    const seen = hashes.get(path);
    if (seen === digest) return [];
    return [seen === undefined ? `${path} is missing` : `${path} has other bytes`];
  });
}
