import {setTimeout as sleep} from 'node:timers/promises';
import type {Machine} from '../../device/machine.ts';
import type {ProjectGateway} from '../../documents/project.ts';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {runStepOn, type EmitEvent} from '../../events.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import type {RuntimeFiles} from '../../workspace/runtimeFiles.ts';
import {withDeviceLock} from '../deploy/deviceLock.ts';
import {runScript} from '../deploy/runOnDevice.ts';
import {
  nothingShipped,
  outcomeOfShipping,
  shipFolder,
  sumOfShipments,
  type ShippedFile,
  type Shipment,
} from '../deploy/shipFiles.ts';
import {readGatewayState, type GatewayMachineState} from './gatewayState.ts';
import {listenOf} from './listenOf.ts';

export interface PartToBring {
  readonly name: string;
  readonly files: readonly ShippedFile[];
}

const START_DEADLINE_MS = 120_000;
/** Several devices of one gateway may be pushed to at once: the second waits for the first. */
const LOCK_DEADLINE_MS = 300_000;

/**
 * Has the gateway run this version's program and serve the parts, for `user` if there is one, beside all that it serves
 * already. What is there already is not sent again.
 * @throws ExpectedError `gateway-not-serving`, `disk-full`, `device-locked` …
 */
export async function bringGateway(
  {gateway, machine, runtime}: {gateway: ProjectGateway; machine: Machine; runtime: RuntimeFiles},
  parts: readonly PartToBring[],
  user: {readonly device: string; readonly release: string} | null,
  emit: EmitEvent,
): Promise<Shipment> {
  const runtimeHex = hexOfDigest(runtime.digest);
  const names = parts.map(({name}) => name);
  return withGatewayLock(machine, async () => {
    // Before anything is there, so that no other push takes for unused what this one brings.
    if (user !== null)
      await runScript(
        machine,
        deviceScript('gateway-parts', 'add', user.device, user.release),
        `${names.join('\n')}\n`,
      );
    if (isServing(await readGatewayState(machine, runtimeHex), gateway, runtimeHex, names))
      return nothingShipped(0);
    const shipments = [
      {folder: `runtime/${runtimeHex}`, files: runtime.files, what: 'runtime'},
      ...parts.map(({name, files}) => ({folder: `gateway/parts/${name}`, files, what: `part ${name}`})),
    ];
    let sent = nothingShipped(0);
    for (const {folder, files, what} of shipments) {
      const shipment = await runStepOn(
        emit,
        gateway.name,
        folder,
        `send ${what}`,
        progress => shipFolder(machine, folder, files, progress),
        outcomeOfShipping,
      );
      sent = sumOfShipments(sent, shipment);
    }
    await runStepOn(emit, gateway.name, 'serve', 'serve', () =>
      startAndConfirm(machine, gateway, runtimeHex, names),
    );
    return sent;
  });
}

/**
 * Forgets what the device's releases other than these had on the gateway, and lets go every part that nobody has any more.
 * @returns the names of the parts that are gone
 */
export async function dropUnusedParts(
  {gateway, machine, runtime}: {gateway: ProjectGateway; machine: Machine; runtime: RuntimeFiles},
  device: string,
  releases: readonly string[],
): Promise<readonly string[]> {
  return withGatewayLock(machine, async () => {
    const {stdout} = await runScript(machine, deviceScript('gateway-parts', 'keep', device, ...releases));
    const removed = stdout.split('\n').filter(line => line !== '');
    if (removed.length > 0) await tellToServe(machine, gateway, hexOfDigest(runtime.digest));
    return removed;
  });
}

/** As the device's lock, but waited for: a gateway is changed for each of its devices. */
async function withGatewayLock<T>(machine: Machine, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + LOCK_DEADLINE_MS;
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 1.5, 2000)) {
    try {
      return await withDeviceLock(machine, work);
    } catch (error) {
      const isLocked = error instanceof ExpectedError && error.code === 'device-locked';
      if (!isLocked || Date.now() > deadline) throw error;
      await sleep(waitMs);
    }
  }
}

function isServing(
  {hasRuntime, isSupervised, program}: GatewayMachineState,
  gateway: ProjectGateway,
  runtimeHex: string,
  names: readonly string[],
): boolean {
  const {host, port} = listenOf(gateway);
  return (
    hasRuntime &&
    isSupervised &&
    program?.status === 'serving' &&
    program.runtime === runtimeHex &&
    program.host === host &&
    program.port === port &&
    names.every(name => program.parts.includes(name))
  );
}

function tellToServe(machine: Machine, gateway: ProjectGateway, runtimeHex: string) {
  const {host, port} = listenOf(gateway);
  return runScript(machine, deviceScript('start-gateway', runtimeHex, host, String(port)));
}

/** Believes only what is read back. */
async function startAndConfirm(
  machine: Machine,
  gateway: ProjectGateway,
  runtimeHex: string,
  names: readonly string[],
): Promise<void> {
  const earlier = await readGatewayState(machine, runtimeHex);
  const started = await tellToServe(machine, gateway, runtimeHex);
  const attemptsBefore = started.stdout.trim() === 'reloaded' ? (earlier.program?.attempts ?? 0) : 0;
  const deadline = Date.now() + START_DEADLINE_MS;
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 1.5, 1000)) {
    const state = await readGatewayState(machine, runtimeHex);
    if (isServing(state, gateway, runtimeHex, names)) return;
    const {program} = state;
    if (program !== null && program.status !== 'starting' && program.attempts > attemptsBefore) {
      const failed = program.failures.find(({part}) => names.includes(part));
      const why = failed === undefined ? program.error?.message : `part ${failed.part}: ${failed.message}`;
      if (why !== undefined) throw notServing(machine, new Error(`its program says: ${why}`));
    }
    if (Date.now() > deadline)
      throw notServing(machine, new Error(`it was not serving after ${START_DEADLINE_MS / 1000} s.`));
    await sleep(waitMs);
  }
}

function notServing(machine: Machine, cause: Error): ExpectedError {
  return new ExpectedError(
    'gateway-not-serving',
    `The gateway ${machine.name} does not serve what it was brought: ${messageOf(cause)}`,
    EXIT.commandFailed,
    {hints: [`ssh ${machine.name} cat .edgewise/gateway/agent.log`], cause},
  );
}
