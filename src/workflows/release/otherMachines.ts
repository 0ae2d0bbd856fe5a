import {checkSupported} from '../../device/checkSupported.ts';
import {probeHardware} from '../../device/probeHardware.ts';
import type {ProjectDevice} from '../../documents/project.ts';
import {ExpectedError} from '../../errors.ts';
import {runStepOn, type EmitEvent} from '../../events.ts';
import {KEEP_EXTENSION} from '../../runtime/server/keptTensors.ts';
import {collectRuntimeFiles} from '../../workspace/runtimeFiles.ts';
import type {ComposedRelease, ReleaseMachines} from '../composeRelease.ts';
import {withDevice, type ConnectOptions} from '../connectDevice.ts';
import {nothingShipped, type Shipment} from '../deploy/shipFiles.ts';
import {bringGateway, dropUnusedParts} from '../gateway/bringGateway.ts';
import {loadCloudModel, withCloud} from '../loadCloudModel.ts';
import {cloudOf, gatewayOf, type OpenFleet} from '../openProject.ts';
import {runtimeArchitectureOf} from '../runtimeArchitecture.ts';

/** The machines beside the device that a release needs, asked and changed only where it does. */
export interface OtherMachines extends Pick<ReleaseMachines, 'readGatewayThreads' | 'readCanCloudKeep'> {
  /** The gateway must be able to answer before the device asks it. */
  bringParts(composed: Pick<ComposedRelease, 'parts' | 'release'>, emit: EmitEvent): Promise<Shipment>;
  /**
   * Once the device runs one of these releases, nothing else of its need lie on the gateway any more. A gateway that cannot
   * be reached keeps it until the next push, and is told of.
   */
  dropUnusedParts(releases: readonly string[], emit: EmitEvent): Promise<void>;
}

export function otherMachinesOf(
  project: OpenFleet,
  device: ProjectDevice,
  connect: ConnectOptions,
): OtherMachines {
  const gateway = gatewayOf(project.project, device);
  const cloud = cloudOf(project.project);
  return {
    async readGatewayThreads() {
      if (gateway === null) return 1;
      const {cores} = await withDevice(project, gateway, connect, probeHardware);
      return cores;
    },
    async readCanCloudKeep() {
      if (cloud === null) return false;
      const {extensions} = await withCloud(cloud, client => client.readServerMetadata());
      return extensions.includes(KEEP_EXTENSION);
    },
    async bringParts({parts, release}, emit) {
      if (gateway === null || parts.length === 0) return nothingShipped(0);
      return withDevice(project, gateway, connect, async machine => {
        const hardware = await probeHardware(machine);
        checkSupported(hardware, gateway.name);
        const runtime = await collectRuntimeFiles(runtimeArchitectureOf(hardware.architecture));
        const user = {device: device.name, release: release.id};
        return bringGateway({gateway, machine, runtime}, parts, user, emit);
      });
    },
    async dropUnusedParts(releases, emit) {
      if (gateway === null) return;
      try {
        await withDevice(project, gateway, connect, async machine => {
          const hardware = await probeHardware(machine);
          const runtime = await collectRuntimeFiles(runtimeArchitectureOf(hardware.architecture));
          await dropUnusedParts({gateway, machine, runtime}, device.name, releases);
        });
      } catch (error) {
        if (!(error instanceof ExpectedError)) throw error;
        const text = `What ${device.name} no longer needs stays on ${gateway.name}: ${error.message}`;
        emit({kind: 'note', level: 'warning', text});
      }
    },
  };
}

/**
 * The cloud must be able to answer before any device asks it.
 * @returns the names of what it serves for the release, or `null`
 */
export async function bringCloudModels(
  project: OpenFleet,
  {cloudModels}: Pick<ComposedRelease, 'cloudModels'>,
  emit: EmitEvent,
): Promise<string | null> {
  const cloud = cloudOf(project.project);
  if (cloud === null || cloudModels.length === 0) return null;
  for (const model of cloudModels) {
    await runStepOn(
      emit,
      cloud.name,
      `load ${model.name}`,
      `load ${model.name}`,
      () => withCloud(cloud, client => loadCloudModel(client, project, model)),
      outcome => (outcome === 'already-there' ? {outcome: 'skipped', detail: 'already there'} : {}),
    );
  }
  return cloudModels.map(({name}) => name).join(', ');
}
