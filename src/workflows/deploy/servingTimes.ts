import {setTimeout as sleep} from 'node:timers/promises';
import type {Machine} from '../../device/machine.ts';
import {releaseFromJson} from '../../documents/readDocument.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import {PAUSE_MS} from '../../engine/pauseMs.ts';
import {openProtocolClient, type ProtocolClient} from '../../runtime/client.ts';
import {quantile} from '../../runtime/measure/quantile.ts';
import {askRepeatedly} from '../../runtime/relay/askRepeatedly.ts';
import {askFromDevice} from '../askFromDevice.ts';
import {isServing, readDeviceTruth} from './readDeviceTruth.ts';
import {runScript, type DeviceProgram} from './runOnDevice.ts';

export interface ServingTimes {
  readonly requests: number;
  readonly medianMs: number;
  readonly p95Ms: number;
}

/**
 * Inputs of so many bytes and more are sent once for each timing, and the device asks itself with them: each time over the connection they
 * would take longer than the requests. For smaller ones no program need be started there.
 */
const LARGE_INPUT_BYTES = 16_384;
/** Slow models are timed for this long at most, each time. */
const TIMING_MS = 20_000;
const WARM_UPS = 3;
/** What else a device does for a moment is not the release's fault. */
const MORE_ROUNDS = 3;
const BETWEEN_ROUNDS_MS = 2000;

/** How long the release that serves now takes for the same requests; `null` where it takes other inputs, or none. */
export async function timeServing(
  machine: Machine,
  program: DeviceProgram,
  inputs: NamedTensors,
  runs: number,
): Promise<ServingTimes | null> {
  const truth = await readDeviceTruth(machine);
  if (truth.currentRelease === null || !isServing(truth, truth.currentRelease)) return null;
  try {
    const file = `${truth.home}/.edgewise/current/release.json`;
    const {endpoint, model} = releaseFromJson((await runScript(machine, ['cat', file])).stdout, file);
    return await withTimedEndpoint(machine, {program, port: endpoint.port, inputs}, async client =>
      servingTimesFrom(await timeRequests(client, model.name, inputs, runs)),
    );
  } catch {
    // The old release need not be well for a new one to come.
    return null;
  }
}

/** The endpoint of a device, while `work` lasts. */
export async function withEndpoint<T>(
  machine: Machine,
  port: number,
  work: (client: ProtocolClient) => Promise<T>,
): Promise<T> {
  const tunnel = await machine.openTunnel(port);
  const client = openProtocolClient(`http://127.0.0.1:${tunnel.localPort}`);
  try {
    return await work(client);
  } finally {
    client.close();
    await tunnel.close();
  }
}

/** The same, asked from the device itself where the inputs are large. */
export async function withTimedEndpoint<T>(
  machine: Machine,
  {
    program,
    port,
    inputs,
  }: {readonly program: DeviceProgram; readonly port: number; readonly inputs: NamedTensors},
  work: (client: ProtocolClient) => Promise<T>,
): Promise<T> {
  const bytes = Object.values(inputs).reduce((sum, tensor) => sum + tensor.bytes.byteLength, 0);
  if (bytes < LARGE_INPUT_BYTES) return withEndpoint(machine, port, work);
  const asker = await askFromDevice(machine, program, port);
  const client = openProtocolClient(asker.url);
  try {
    return await work(client);
  } finally {
    client.close();
    await asker.close();
  }
}

/** The times of single requests; where they do not tell what was hoped for, those of further rounds are added. */
export async function timeUntilTold(
  client: ProtocolClient,
  model: string,
  inputs: NamedTensors,
  {runs, isTold}: {readonly runs: number; readonly isTold: (timesMs: readonly number[]) => boolean},
): Promise<readonly number[]> {
  let timesMs = await timeRequests(client, model, inputs, runs);
  for (let round = 0; round < MORE_ROUNDS && !isTold(timesMs); round += 1) {
    await sleep(BETWEEN_ROUNDS_MS);
    timesMs = [...timesMs, ...(await timeRequests(client, model, inputs, runs))];
  }
  return timesMs;
}

/** As the prediction was measured: requests that come now and then. */
async function timeRequests(
  client: ProtocolClient,
  model: string,
  inputs: NamedTensors,
  runs: number,
): Promise<readonly number[]> {
  const timesMs = await askRepeatedly(client, model, inputs, {
    atLeast: WARM_UPS + 1,
    atMost: WARM_UPS + runs,
    withinMs: TIMING_MS,
    pauseMs: PAUSE_MS,
  });
  return timesMs.slice(WARM_UPS);
}

/** `null` without any. */
export function servingTimesFrom(timesMs: readonly number[]): ServingTimes | null {
  if (timesMs.length === 0) return null;
  const sorted = timesMs.toSorted((a, b) => a - b);
  return {requests: sorted.length, medianMs: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95)};
}
