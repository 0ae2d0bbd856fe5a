import type {ForeseenSending} from '../../documents/savedBytes.ts';
import {ExpectedError} from '../../errors.ts';
import type {EmitEvent} from '../../events.ts';
import {collectRuntimeFiles} from '../../workspace/runtimeFiles.ts';
import {withDevice, type ConnectOptions} from '../connectDevice.ts';
import {askWhatLacks} from '../deploy/shipFiles.ts';
import type {OpenFleet} from '../openProject.ts';
import {otherMachinesOf} from '../release/otherMachines.ts';
import {runtimeArchitectureOf} from '../runtimeArchitecture.ts';
import {withReleaseSources} from '../withReleaseSources.ts';
import {forEachLimited} from './forEachLimited.ts';
import {CONNECTIONS, type SeenDevice} from './lookAtFleet.ts';
import type {RolloutTarget} from './rolloutTargets.ts';

/** What each device that answers lacks of runtime and release, by its name; nothing is changed anywhere. */
export async function foreseeSending(
  project: OpenFleet,
  targets: readonly RolloutTarget[],
  seen: ReadonlyMap<string, SeenDevice>,
  connect: ConnectOptions,
  emit: EmitEvent,
): Promise<Record<string, ForeseenSending>> {
  const wanted = targets.map(({device, plan, written, planText}) => ({
    device,
    plan,
    written,
    text: planText,
  }));
  const foreseen: Record<string, ForeseenSending> = {};
  await withReleaseSources(project, wanted, emit, sources =>
    forEachLimited(targets, CONNECTIONS, async ({device}) => {
      const truth = seen.get(device.name)?.truth ?? null;
      const source = sources.get(device.name);
      if (truth === null || source === undefined) return;
      try {
        const runtime = await collectRuntimeFiles(runtimeArchitectureOf(truth.architecture));
        const others = otherMachinesOf(project, device, connect);
        const {files} = await source.compose({runtimeDigest: runtime.digest, ...others});
        const {lacking, fileBytes} = await withDevice(project, device, connect, machine =>
          askWhatLacks(machine, [...runtime.files, ...files]),
        );
        const lackingBytes = lacking.reduce((sum, {file, partBytes}) => sum + file.sizeBytes - partBytes, 0);
        foreseen[device.name] = {lackingBytes, fileBytes};
      } catch (error) {
        // The rollout itself tells what is wrong with a device; the others' rows are of use all the same.
        if (!(error instanceof ExpectedError)) throw error;
        emit({kind: 'note', level: 'warning', text: `${device.name}: ${error.message}`});
      }
    }),
  );
  return foreseen;
}
