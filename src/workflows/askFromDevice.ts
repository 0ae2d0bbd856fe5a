import {setTimeout as sleep} from 'node:timers/promises';
import type {Machine, Tunnel} from '../device/machine.ts';
import {PAUSE_MS} from '../engine/pauseMs.ts';
import type {DeviceProgram} from './deploy/runOnDevice.ts';

export interface DeviceAsker {
  /** On this machine's loopback. */
  readonly url: string;
  /** What each request waits on the device before its endpoint is asked. */
  readonly pauseMs: number;
  close(): Promise<void>;
}

const LONGEST_MS = 24 * 3_600_000;
/** For the program there to come up; a slow device takes two seconds. */
const STARTING_MS = 30_000;
/** For it to end when it is told to. One that does not ends by itself later. */
const ENDING_MS = 5000;

/**
 * Requests that the device's own endpoint gets from the device itself, as from the programs that it is for. Sent straight
 * through the connection they would come in one go, and a slow device would be charged for receiving them. A runtime that
 * cannot pass requests on, because it is older or does not come up, is asked through the connection.
 */
export async function askFromDevice(
  machine: Machine,
  {home, runtimeHex}: DeviceProgram,
  endpointPort: number,
  {startingMs = STARTING_MS}: {readonly startingMs?: number} = {},
): Promise<DeviceAsker> {
  const folder = `${home}/.edgewise/runtime/${runtimeHex}`;
  const argv = [
    `${folder}/bin/node`,
    `${folder}/edgewise.mjs`,
    'relay',
    ...['--port', String(endpointPort), '--pause-ms', String(PAUSE_MS)],
  ];
  let hear: (port: number | null) => void = () => {};
  const heard = new Promise<number | null>(resolve => (hear = resolve));
  const running = machine
    .run(argv, {timeoutMs: LONGEST_MS, onStderrLine: line => hear(portFromLine(line))})
    .then(
      () => hear(null),
      () => hear(null),
    );
  const port = await Promise.race([heard, sleep(startingMs, null, {ref: false})]);
  const tunnel = await machine.openTunnel(port ?? endpointPort);
  const url = `http://127.0.0.1:${tunnel.localPort}`;
  return {
    url,
    pauseMs: port === null ? 0 : PAUSE_MS,
    close: () => close(tunnel, port === null ? null : url, running),
  };
}

function portFromLine(line: string): number | null {
  try {
    const {port} = JSON.parse(line) as {port?: unknown};
    return typeof port === 'number' ? port : null;
  } catch {
    return null;
  }
}

async function close(tunnel: Tunnel, relayUrl: string | null, running: Promise<void>): Promise<void> {
  // The device's relay ends when it is told to, and anyway with the connection.
  const signal = AbortSignal.timeout(ENDING_MS);
  if (relayUrl !== null) await fetch(`${relayUrl}/end`, {method: 'DELETE', signal}).catch(() => {});
  await tunnel.close();
  if (relayUrl !== null) await Promise.race([running, sleep(ENDING_MS, undefined, {ref: false})]);
}
