import {randomBytes} from 'node:crypto';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {Machine} from '../../src/device/machine.ts';
import type {SshTransport} from '../../src/documents/sshTransport.ts';
import {ignoreEvents} from '../../src/events.ts';
import {startLinkRelay} from '../../src/lab/linkRelay.ts';
import {retryWhenLost} from '../../src/workflows/deploy/retryWhenLost.ts';
import {sendMissingBlobs, type ShippedFile} from '../../src/workflows/deploy/shipFiles.ts';
import {digestOfFile, hexOfDigest} from '../../src/workspace/digest.ts';
import type {CuttingRelay} from './cuttingRelay.ts';
import {hermetic, targetOf} from './machineSuite.ts';
import type {TestSshServer} from './sshServers.ts';

export interface WireDevice {
  readonly server: TestSshServer;
  readonly home: string;
  readonly relay: CuttingRelay;
  /** Of this side. */
  readonly scratch: string;
  readonly transport?: SshTransport;
}

export async function withWireMachine<T>(
  {server, relay, scratch, transport = 'ssh2'}: WireDevice,
  work: (machine: Machine) => Promise<T>,
): Promise<T> {
  const machine = await connectMachine(
    targetOf(server, {port: relay.port}),
    hermetic(server, scratch, {
      transport,
      acceptNewHostKeys: true,
      knownHostsFile: join(scratch, 'known_hosts'),
    }),
  );
  try {
    return await work(machine);
  } finally {
    await machine.close();
  }
}

export async function randomFiles(
  folder: string,
  sizesBytes: readonly number[],
  makeBytes: (sizeBytes: number) => Uint8Array = randomBytes,
): Promise<ShippedFile[]> {
  return Promise.all(
    sizesBytes.map(async (sizeBytes, index) => {
      const source = join(folder, `tensor-${index}-${randomBytes(4).toString('hex')}`);
      await writeFile(source, makeBytes(sizeBytes));
      return {path: String(index), source, digest: await digestOfFile(source), sizeBytes};
    }),
  );
}

/** So slow that what was sent has arrived, and is not in a buffer that the reset empties. */
const LINK_BITS_PER_SECOND = 40e6;

/**
 * Sends the files as a push does when its connection is reset after each of `cutsAfterBytes` further bytes. Answers the
 * bytes on the wire, both ways.
 */
export async function sendOverCuts(
  device: WireDevice,
  files: readonly ShippedFile[],
  cutsAfterBytes: readonly number[],
): Promise<number> {
  const before = device.relay.wireBytes();
  const cuts = [...cutsAfterBytes];
  const link = await startLinkRelay({
    targetHost: '127.0.0.1',
    targetPort: device.relay.port,
    roundTripMs: 0,
    upBitsPerSecond: LINK_BITS_PER_SECOND,
    downBitsPerSecond: LINK_BITS_PER_SECOND,
  });
  const overLink = {...device, relay: {...device.relay, port: link.port}};
  try {
    await retryWhenLost(ignoreEvents, async onConnected =>
      withWireMachine(overLink, async machine => {
        onConnected();
        const next = cuts.shift();
        if (next !== undefined) device.relay.cutAfter(next);
        await sendMissingBlobs(machine, files);
      }),
    );
  } finally {
    await link.close();
  }
  for (const {digest} of files) {
    const path = join(device.home, '.edgewise/blobs/sha256', hexOfDigest(digest));
    if ((await digestOfFile(path)) !== digest) throw new Error(`${path} is not what was sent`);
  }
  return device.relay.wireBytes() - before;
}
