import {z} from 'zod';
import type {Machine} from '../../device/machine.ts';
import {releaseSchema} from '../../documents/release.ts';
import {ExpectedError} from '../../errors.ts';
import type {DeltaRequest} from '../../runtime/deploy/applyDeltas.ts';
import type {Store} from '../../workspace/store.ts';
import {passControllerStep} from './controllerSteps.ts';
import {findDeltas, type Delta} from './findDeltas.ts';
import {runDeviceProgram, type DeviceProgram} from './runOnDevice.ts';
import {
  askWhatLacks,
  sendMissingBlobs,
  sumOfShipments,
  type LackingBlobs,
  type ReportBytes,
  type ShippedFile,
  type Shipment,
} from './shipFiles.ts';

/** Where a release's blobs go, and what is there to make them of. */
interface DeltaPlace {
  /** Holds what was shipped before. */
  readonly store: Store;
  /** Is on the device already, and makes blobs of deltas. */
  readonly program: DeviceProgram;
  /** The release whose blobs may serve as bases. */
  readonly currentRelease: string | null;
}

/** With less to save, the round trips that deltas take are not worth it. */
const LEAST_SAVED_BYTES = 64 * 1024;
/** What a device reads of one list is bounded. */
const MOST_DELTAS = 1000;

const applied = z.object({
  rebuilt: z.array(z.string()),
  refused: z.array(z.object({target: z.string(), why: z.string()})),
});

/**
 * As `sendMissingBlobs`; of what differs little from a blob of the current release only the difference. Deltas are blobs
 * themselves, so one that was cut off goes on where it was. What the device cannot make of them is sent whole.
 */
export async function sendReleaseBlobs(
  machine: Machine,
  files: readonly ShippedFile[],
  place: DeltaPlace,
  report: ReportBytes,
): Promise<Shipment> {
  const asked = await askWhatLacks(machine, files);
  const deltas = await deltasFor(machine, asked, place);
  if (deltas.length === 0) return sendMissingBlobs(machine, files, report, asked);
  const targets = new Set(deltas.map(({target}) => target.digest));
  const others = files.filter(({digest}) => !targets.has(digest));
  const sent = await sendMissingBlobs(machine, [...others, ...deltas.map(({delta}) => delta)], report);
  const rebuilt = await rebuildOnDevice(machine, place.program, deltas);
  passControllerStep('deltas:applied');
  const refused = deltas.filter(({target}) => !rebuilt.has(target.digest)).map(({target}) => target);
  const done = withDeltas(sent, deltas, rebuilt);
  return refused.length === 0 ? done : sumOfShipments(done, await sendMissingBlobs(machine, refused, report));
}

async function deltasFor(
  machine: Machine,
  {lacking}: LackingBlobs,
  {store, program, currentRelease}: DeltaPlace,
): Promise<Delta[]> {
  // What is half there is as good as sent.
  const targets = lacking.filter(({file, partBytes}) => partBytes < file.sizeBytes / 2).map(({file}) => file);
  const targetBytes = targets.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
  if (currentRelease === null || targetBytes < LEAST_SAVED_BYTES) return [];
  const path = `${program.home}/.edgewise/releases/${currentRelease}/release.json`;
  const {exitStatus, stdout} = await machine.run(['cat', path]);
  if (exitStatus !== 0) return [];
  // It may have lost some.
  const lost = new Set(lacking.map(({file}) => file.digest));
  const bases = filesFrom(stdout).filter(({digest}) => !lost.has(digest));
  const deltas = await findDeltas(store, targets, bases);
  const savedBytes = ({target, delta}: Delta): number => target.sizeBytes - delta.sizeBytes;
  const most = deltas.toSorted((a, b) => savedBytes(b) - savedBytes(a)).slice(0, MOST_DELTAS);
  return most.reduce((sum, delta) => sum + savedBytes(delta), 0) < LEAST_SAVED_BYTES ? [] : most;
}

/** A document that an older version wrote, or that was spoilt, names no bases. */
function filesFrom(text: string): readonly Pick<ShippedFile, 'digest' | 'sizeBytes'>[] {
  try {
    return releaseSchema.parse(JSON.parse(text)).files;
  } catch {
    return [];
  }
}

/** The digests of those that it could make. */
async function rebuildOnDevice(
  machine: Machine,
  program: DeviceProgram,
  deltas: readonly Delta[],
): Promise<ReadonlySet<string>> {
  const requests: DeltaRequest[] = deltas.map(({target, base, delta}) => ({
    base,
    delta: delta.digest,
    target: target.digest,
    sizeBytes: target.sizeBytes,
  }));
  try {
    const {rebuilt} = await runDeviceProgram(machine, program, ['patch'], applied, JSON.stringify(requests));
    return new Set(rebuilt);
  } catch (error) {
    if (!(error instanceof ExpectedError) || error.code === 'device-unreachable') throw error;
    // Too little memory for it, say: whole blobs need none.
    return new Set();
  }
}

/** What was sent for blobs that had to be sent again is not saved. */
function withDeltas(sent: Shipment, deltas: readonly Delta[], rebuilt: ReadonlySet<string>): Shipment {
  const byDeltas = deltas.reduce(
    (sum, {target, delta}) => sum + (rebuilt.has(target.digest) ? target.sizeBytes : 0) - delta.sizeBytes,
    0,
  );
  return {...sent, savedBytes: {...sent.savedBytes, byDeltas}};
}
