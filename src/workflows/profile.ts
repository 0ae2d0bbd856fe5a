import {checkSupported} from '../device/checkSupported.ts';
import type {Machine} from '../device/machine.ts';
import {probeHardware} from '../device/probeHardware.ts';
import type {Profile} from '../documents/profile.ts';
import type {ProjectDevice, ProjectGateway} from '../documents/project.ts';
import type {EmitEvent} from '../events.ts';
import {collectRuntimeFiles} from '../workspace/runtimeFiles.ts';
import {withDevice, type ConnectOptions} from './connectDevice.ts';
import {rememberLayerTimes} from './estimateTimes.ts';
import {bringGateway} from './gateway/bringGateway.ts';
import {
  cloudOf,
  gatewayOf,
  openProject,
  reachesCloud,
  selectDevices,
  type OpenProject,
} from './openProject.ts';
import {withPreparedModel} from './prepareModel.ts';
import {profileCloud} from './profileCloud.ts';
import {profileDevice, type ProfiledPlace} from './profileDevice.ts';
import {runtimeArchitectureOf} from './runtimeArchitecture.ts';

export interface ProfiledMachine {
  readonly file: string;
  readonly profile: Profile;
}

/**
 * Measures the cloud, the named devices (or all) and the gateways that they stand behind. One after the other: devices that measured their link at the same
 * time would measure each other.
 */
export async function profile(
  request: {
    projectPath: string;
    devices: readonly string[];
    runs: number;
    sustainedSeconds: number;
    /** Of each link; 10 when left out. */
    linkSeconds?: number;
    /** Whether it is measured what encoding a cut costs. */
    hasEncodings: boolean;
    connect: ConnectOptions;
  },
  emit: EmitEvent,
): Promise<ProfiledMachine[]> {
  const project = await openProject(request.projectPath);
  const devices = selectDevices(project.project, request.devices);
  const gateways = gatewaysOf(project, devices);
  // Who cannot be reached is told before minutes go into measuring the others.
  for (const machine of [...gateways, ...devices])
    await withDevice(project, machine, request.connect, async () => {});
  return withPreparedModel(project, emit, async prepared => {
    const profiled: ProfiledMachine[] = [];
    const cloud = cloudOf(project.project);
    if (cloud !== null) {
      const made = await profileCloud(project, cloud, prepared, request, emit);
      await rememberLayerTimes(made, prepared);
      profiled.push({file: project.profileFile(cloud.name), profile: made});
    }
    for (const gateway of gateways) {
      const made = await withDevice(project, gateway, request.connect, async machine => {
        // Its devices measure the link to it through its endpoint, as they will use it.
        await startEmptyGateway(gateway, machine, emit);
        const peers = peersOfGateway(project, gateway);
        const place = {name: gateway.name, tier: 'gateway', target: gateway.target, peers} as const;
        return profileDevice(project, place, machine, prepared, request, emit);
      });
      await rememberLayerTimes(made, prepared);
      profiled.push({file: project.profileFile(gateway.name), profile: made});
    }
    for (const device of devices) {
      const peers = peersOfDevice(project, device);
      const place = {name: device.name, tier: 'device', target: device.target, peers} as const;
      const made = await withDevice(project, device, request.connect, machine =>
        profileDevice(project, place, machine, prepared, request, emit),
      );
      await rememberLayerTimes(made, prepared);
      profiled.push({file: project.profileFile(device.name), profile: made});
    }
    return profiled;
  });
}

function gatewaysOf(project: OpenProject, devices: readonly ProjectDevice[]): readonly ProjectGateway[] {
  const wanted = new Set(devices.map(({gateway}) => gateway));
  return (project.project.gateways ?? []).filter(({name}) => wanted.has(name));
}

async function startEmptyGateway(gateway: ProjectGateway, machine: Machine, emit: EmitEvent): Promise<void> {
  const hardware = await probeHardware(machine);
  checkSupported(hardware, gateway.name);
  const runtime = await collectRuntimeFiles(runtimeArchitectureOf(hardware.architecture));
  await bringGateway({gateway, machine, runtime}, [], null, emit);
}

function peersOfGateway({project}: OpenProject, {cloudUrl}: ProjectGateway): ProfiledPlace['peers'] {
  const cloud = cloudOf(project);
  return cloud === null ? [] : [{name: cloud.name, url: cloudUrl ?? cloud.url}];
}

function peersOfDevice({project}: OpenProject, device: ProjectDevice): ProfiledPlace['peers'] {
  const gateway = gatewayOf(project, device);
  const cloud = cloudOf(project);
  return [
    ...(gateway === null ? [] : [{name: gateway.name, url: gateway.url}]),
    ...(cloud === null || !reachesCloud(project, device) ? [] : [{name: cloud.name, url: cloud.url}]),
  ];
}
