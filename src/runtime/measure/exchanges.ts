import {randomFillSync} from 'node:crypto';
import {setTimeout as delay} from 'node:timers/promises';
import {PAUSE_MS} from '../../engine/pauseMs.ts';
import type {ProtocolClient} from '../client.ts';
import {headerBytesOfName, headerBytesOfTensor, type HeaderBytes} from '../protocol/headerBytes.ts';
import {ECHO_MODEL} from '../server/echoModel.ts';
import {FORWARD_MODEL, LARGEST_BYTES} from '../server/forwardModel.ts';
import {SMALLEST_BYTES} from './linkSizes.ts';

/** Sends so many bytes to the cloud, gets so many back, and tells what it took besides the cloud's own time, in ms. */
export type Exchange = (upBytes: number, downBytes: number) => Promise<number>;

/** What the messages of an exchange say of the model and of their tensors, give or take the digits of a size. */
export const PROBE_HEADER_BYTES: HeaderBytes = sumOf([
  headerBytesOfName(ECHO_MODEL),
  headerBytesOfTensor('data', {elementType: 'uint8', shape: [SMALLEST_BYTES]}, SMALLEST_BYTES),
  {up: `,"reply_bytes":${SMALLEST_BYTES}`.length, down: 0},
]);

function sumOf(parts: readonly HeaderBytes[]): HeaderBytes {
  return {
    up: parts.reduce((sum, {up}) => sum + up, 0),
    down: parts.reduce((sum, {down}) => sum + down, 0),
  };
}

/** Straight to the cloud's echo model. */
export function exchangeDirectly(client: ProtocolClient): Exchange {
  const payload = randomFillSync(new Uint8Array(LARGEST_BYTES));
  return async (upBytes, downBytes) => {
    const data = {elementType: 'uint8', shape: [upBytes], bytes: payload.subarray(0, upBytes)} as const;
    const answer = await client.infer(
      ECHO_MODEL,
      {inputs: {data}, parameters: {reply_bytes: downBytes}},
      {deadlineMs: 30_000},
    );
    return Math.max(0, answer.wallMs - (answer.serverTiming.get('total') ?? 0));
  };
}

/**
 * As a device's endpoint does it: it takes a request, asks the cloud and answers. What the endpoint spends on any request
 * (`requestOverheadMs`) is taken off, so that the two add up to what such a request really takes.
 */
export function exchangeThroughEndpoint(client: ProtocolClient, requestOverheadMs: number): Exchange {
  const payload = randomFillSync(new Uint8Array(LARGEST_BYTES));
  return async (upBytes, downBytes) => {
    await delay(PAUSE_MS);
    const data = {elementType: 'uint8', shape: [upBytes], bytes: payload.subarray(0, upBytes)} as const;
    const {serverTiming} = await client.infer(
      FORWARD_MODEL,
      {inputs: {data}, parameters: {down_bytes: downBytes}},
      {deadlineMs: 60_000},
    );
    const spentMs = (serverTiming.get('total') ?? 0) - (serverTiming.get('tail') ?? 0);
    return Math.max(0, spentMs - requestOverheadMs);
  };
}
