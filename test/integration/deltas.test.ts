import {randomBytes} from 'node:crypto';
import {chmod, mkdtemp, readdir, readFile, rename, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Machine} from '../../src/device/machine.ts';
import {ignoreEvents} from '../../src/events.ts';
import {startLinkRelay} from '../../src/lab/linkRelay.ts';
import {retryWhenLost} from '../../src/workflows/deploy/retryWhenLost.ts';
import {sendReleaseBlobs} from '../../src/workflows/deploy/sendReleaseBlobs.ts';
import type {Shipment} from '../../src/workflows/deploy/shipFiles.ts';
import {digestOfBytes, hexOfDigest} from '../../src/workspace/digest.ts';
import {startCuttingRelay} from './cuttingRelay.ts';
import {
  composeAdding,
  damagedFiles,
  deployAdding,
  makeDevice,
  openWorkshop,
  type TestDevice,
  type Workshop,
} from './deployDevice.ts';
import {withWireMachine} from './resumedSending.ts';
import {isOpenSshInstalled, startOpenSshServer} from './sshServers.ts';

const MEGA = 1e6;
const LARGE = randomBytes(18 * MEGA);
const SMALL = [300_000, 300_000, 20_000].map(length => randomBytes(length));

let workshop: Workshop;
let device: TestDevice;
let current: string;
/** All tests share the device: it goes on serving its first release until the last one. */
beforeAll(async () => {
  workshop = await openWorkshop();
  device = await makeDevice(workshop);
  current = (await deployAdding(workshop, device, 1, {weights: [...SMALL, LARGE]})).release;
});
afterAll(async () => {
  await device.remove();
  await workshop.close();
});

/** One byte in eight changes by `step`, as when weights of eight bits are tuned a little. */
function tuned(weights: Uint8Array, step: number): Buffer {
  return Buffer.from(weights.map((byte, at) => (at % 8 === 3 ? byte + step : byte)));
}

const blobs = (): string => join(device.root, 'blobs/sha256');
const pathOf = (bytes: Uint8Array): string => join(blobs(), hexOfDigest(digestOfBytes(bytes)));

async function sendTuned(
  machine: Machine,
  weights: readonly Uint8Array[],
  runtimeHex = hexOfDigest(workshop.runtime.digest),
): Promise<Shipment> {
  const {files} = await composeAdding(workshop, 2, {port: device.port, weights});
  const place = {store: workshop.store, program: {home: device.home, runtimeHex}, currentRelease: current};
  return sendReleaseBlobs(machine, files, place, () => {});
}

describe('tuned weights are sent whole', () => {
  it('where the base has gone bad on the device', async () => {
    const [old = Buffer.alloc(0)] = SMALL;
    const next = tuned(old, 1);
    await chmod(pathOf(old), 0o600);
    await writeFile(pathOf(old), Buffer.from(old).fill(1, 7, 9));
    const shipment = await device.withMachine(machine => sendTuned(machine, [next]));
    await writeFile(pathOf(old), old);
    await chmod(pathOf(old), 0o400);
    expect(shipment.savedBytes.byDeltas).toBeLessThan(0);
    expect(shipment.sentBytes).toBeGreaterThan(300_000);
    expect((await readFile(pathOf(next))).equals(next)).toBe(true);
  });

  it('where the device cannot make anything of deltas', async () => {
    const next = tuned(SMALL[0]!, 2);
    const shipment = await device.withMachine(machine => sendTuned(machine, [next], 'f'.repeat(64)));
    expect(shipment.savedBytes.byDeltas).toBeLessThan(0);
    expect((await readFile(pathOf(next))).equals(next)).toBe(true);
  });

  it('where this machine no longer has what was shipped before, or the device lacks it', async () => {
    const path = workshop.store.pathOf(digestOfBytes(SMALL[0]!));
    const next = tuned(SMALL[0]!, 3);
    await rename(path, `${path}.away`);
    const shipment = await device.withMachine(machine => sendTuned(machine, [next]));
    await rename(`${path}.away`, path);
    expect(shipment.savedBytes.byDeltas).toBe(0);
    await rename(pathOf(SMALL[0]!), join(device.root, 'away'));
    const again = await device.withMachine(machine => sendTuned(machine, [SMALL[0]!]));
    expect(again.savedBytes.byDeltas).toBe(0);
    expect((await readFile(pathOf(SMALL[0]!))).equals(SMALL[0]!)).toBe(true);
  });
});

it.skipIf(!isOpenSshInstalled()).each([
  ['ssh2', 4],
  ['openssh', 5],
] as const)('a delta that a reset cut off goes on where it was (%s)', async (transport, seed) => {
  // A byte in two moves: the delta is large enough to be cut off.
  const moves = randomBytes(LARGE.length);
  const next = Buffer.from(LARGE.map((byte, at) => byte + (moves[at]! & 1) * seed));
  const server = await startOpenSshServer({configuration: [`SetEnv HOME=${device.home}`]});
  if (server === null) throw new Error('sshd does not start');
  const relay = await startCuttingRelay(server.port);
  // So slow that what was sent has arrived, and is not in a buffer that the reset empties.
  const link = await startLinkRelay({
    ...{targetHost: '127.0.0.1', targetPort: relay.port, roundTripMs: 0},
    ...{upBitsPerSecond: 40e6, downBitsPerSecond: 40e6},
  });
  const scratch = await mkdtemp(join(workshop.folder, 'wire-'));
  try {
    const place = {server, home: device.home, relay: {...relay, port: link.port}, scratch, transport};
    const cuts = [2.2 * MEGA];
    const before = relay.wireBytes();
    const shipment = await retryWhenLost(ignoreEvents, onConnected =>
      withWireMachine(place, async machine => {
        onConnected();
        const cut = cuts.shift();
        if (cut !== undefined) relay.cutAfter(cut);
        return sendTuned(machine, [next]);
      }),
    );
    expect(relay.cuts()).toBe(1);
    // The delta is a fifth of the blob: sent anew after the reset, it would be 5.7 MB.
    expect(relay.wireBytes() - before).toBeLessThan(4.9 * MEGA);
    expect(shipment.savedBytes.byDeltas).toBeGreaterThan(14 * MEGA);
    expect((await readFile(pathOf(next))).equals(next)).toBe(true);
  } finally {
    await link.close();
    await relay.close();
    await server.stop();
  }
});

it('a release of tuned weights is what differs, checked on the device, and no delta stays there', async () => {
  const before = new Set(await readdir(blobs()));
  const weights = SMALL.map(old => tuned(old, 9));
  const {sentBytes, savedBytes} = await deployAdding(workshop, device, 2, {weights});
  expect(sentBytes).toBeLessThan(0.15 * 620_000);
  expect(savedBytes.byDeltas).toBeGreaterThan(0.85 * 620_000);
  expect(await damagedFiles(device.root)).toEqual([]);
  expect(await device.answer()).toBe(2);
  const came = (await readdir(blobs())).filter(name => !before.has(name));
  // Three weights, the document and the manifest; the graph came with the first of them.
  expect(came).toHaveLength(5);
});
