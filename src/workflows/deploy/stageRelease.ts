import {z} from 'zod';
import type {Machine} from '../../device/machine.ts';
import type {ServiceKind} from '../../documents/project.ts';
import {ExpectedError} from '../../errors.ts';
import {runStepOn, type EmitEvent} from '../../events.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import type {Store} from '../../workspace/store.ts';
import type {RuntimeFiles} from '../../workspace/runtimeFiles.ts';
import {passControllerStep} from './controllerSteps.ts';
import type {DeviceLock} from './deviceLock.ts';
import type {DeviceTruth} from './readDeviceTruth.ts';
import {keepByService} from './keepByService.ts';
import {runDeviceProgram, type DeviceProgram} from './runOnDevice.ts';
import {sendReleaseBlobs} from './sendReleaseBlobs.ts';
import {
  nothingShipped,
  outcomeOfShipping,
  sendMissingBlobs,
  ship,
  sumOfShipments,
  type Shipment,
} from './shipFiles.ts';
import type {SignedShipment} from './signRelease.ts';

export interface StageOptions {
  /** Forget the key and the name that the device was bound to. */
  readonly pinsAgain?: boolean;
  /** Take a release that was taken back on this device before. */
  readonly takesBad?: boolean;
  /** What is to keep the agent alive; `auto` without it. */
  readonly service?: ServiceKind;
}

export interface StagedRelease extends Shipment {
  readonly release: string;
  readonly program: DeviceProgram;
}

const admitted = z.object({release: z.string(), counter: z.number()});

/**
 * Brings a release onto the device and has the device itself check signature, number, meaning and every byte at rest.
 * What serves goes on serving. Staging the same again sends nothing.
 * @throws ExpectedError `disk-full`, `signature-invalid`, `release-downgraded`, `release-known-bad`, `lock-lost` …
 */
export async function stageRelease(
  machine: Machine,
  lock: DeviceLock,
  truth: Pick<DeviceTruth, 'home' | 'runtimes' | 'currentRelease'>,
  {runtime, store}: {readonly runtime: RuntimeFiles; readonly store: Store},
  signed: SignedShipment,
  options: StageOptions,
  emit: EmitEvent,
): Promise<StagedRelease> {
  const runtimeHex = hexOfDigest(runtime.digest);
  const program = {home: truth.home, runtimeHex};
  // A runtime's folder appears whole or not at all, and is never changed: what is there needs no asking.
  const isThere = truth.runtimes.includes(runtimeHex);
  const lacking = isThere ? [] : runtime.files;
  const shipped = await ship(machine, `runtime/${runtimeHex}`, lacking, 'runtime', emit);
  const runtimeBytes = runtime.files.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
  const runtimeShipment = isThere ? nothingShipped(runtimeBytes) : shipped;
  passControllerStep('runtime:staged');
  const {id} = signed.release;
  const shipment = await runStepOn(
    emit,
    machine.name,
    'release',
    `send release ${id}`,
    async progress => {
      const place = {store, program, currentRelease: truth.currentRelease};
      const sent = await sendReleaseBlobs(machine, signed.blobs, place, progress);
      passControllerStep('blobs:sent');
      const args = [
        'admit',
        ...['--fence', String(lock.fence), '--runtime', runtimeHex],
        ...(options.pinsAgain === true ? ['--pins-again'] : []),
        ...(options.takesBad === true ? ['--takes-bad'] : []),
      ];
      const admit = () => runDeviceProgram(machine, program, args, admitted, signed.handedOver);
      try {
        await admit();
        return sent;
      } catch (error) {
        // The device has removed a blob that had gone bad on its disk: once more, with that one sent again.
        if (!(error instanceof ExpectedError && error.code === 'blob-corrupted')) throw error;
        const again = await sendMissingBlobs(machine, signed.blobs, progress);
        await admit();
        // Of the others it has been said already that they are there.
        return sumOfShipments(sent, {...again, savedBytes: {...again.savedBytes, alreadyThere: 0}});
      }
    },
    outcomeOfShipping,
  );
  passControllerStep('release:admitted');
  await keepByService(machine, options.service ?? 'auto');
  return {release: id, program, ...sumOfShipments(runtimeShipment, shipment)};
}
