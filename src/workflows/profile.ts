import type {Profile} from '../documents/profile.ts';
import type {EmitEvent} from '../events.ts';
import {withDevice, type ConnectOptions} from './connectDevice.ts';
import {cloudOf, openProject, selectDevices} from './openProject.ts';
import {withPreparedModel} from './prepareModel.ts';
import {profileCloud} from './profileCloud.ts';
import {profileDevice} from './profileDevice.ts';

export interface ProfiledMachine {
  readonly file: string;
  readonly profile: Profile;
}

/**
 * Measures the cloud and the named devices (or all). One after the other: devices that measured their link at the same
 * time would measure each other.
 */
export async function profile(
  request: {projectPath: string; devices: readonly string[]; runs: number; connect: ConnectOptions},
  emit: EmitEvent,
): Promise<ProfiledMachine[]> {
  const project = await openProject(request.projectPath);
  const devices = selectDevices(project.project, request.devices);
  return withPreparedModel(project, emit, async prepared => {
    const profiled: ProfiledMachine[] = [];
    const cloud = cloudOf(project.project);
    if (cloud !== null) {
      const made = await profileCloud(project, cloud, prepared, request.runs, emit);
      profiled.push({file: project.profileFile(cloud.name), profile: made});
    }
    for (const device of devices) {
      const made = await withDevice(project, device, request.connect, machine =>
        profileDevice(project, device, machine, prepared, request.runs, emit),
      );
      profiled.push({file: project.profileFile(device.name), profile: made});
    }
    return profiled;
  });
}
