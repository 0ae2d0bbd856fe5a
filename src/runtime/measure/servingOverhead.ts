import {setTimeout as delay} from 'node:timers/promises';
import type {NamedTensors} from '../../documents/tensor.ts';
import {PAUSE_MS} from '../../engine/pauseMs.ts';
import type {ProtocolClient} from '../client.ts';
import {ECHO_MODEL} from '../server/echoModel.ts';
import type {RepeatedMs} from '../server/servedModels.ts';
import {summarizeTimes} from './summarizeTimes.ts';

export interface RequestTimes {
  /** Whole requests to the model, by what the server says of each. */
  readonly totalMs: readonly number[];
  /** The same bytes in and out, with nothing run in between. */
  readonly echoMs: readonly number[];
}

export interface ServingOverhead {
  readonly requestOverhead: RepeatedMs;
  readonly sessionOverhead: RepeatedMs;
}

/** Exchanges this short are averaged in groups before the median is taken: see groupMeans. */
const GROUP = 5;

/** Real requests, one after the other, and then the same bytes with nothing run. */
export async function timeRequests(
  client: ProtocolClient,
  modelName: string,
  inputs: NamedTensors,
  counts: {readonly runs: number; readonly warmUps: number},
): Promise<RequestTimes> {
  const {totalMs, replyBytes} = await timeInferences(client, modelName, inputs, counts);
  const sentBytes = bytesOf(inputs);
  const data = {elementType: 'uint8', shape: [sentBytes], bytes: new Uint8Array(sentBytes)} as const;
  const echoMs: number[] = [];
  for (let run = -counts.warmUps; run < counts.runs * GROUP; run++) {
    const {serverTiming} = await client.infer(ECHO_MODEL, {
      inputs: {data},
      parameters: {reply_bytes: replyBytes},
    });
    if (run >= 0) echoMs.push(serverTiming.get('total') ?? 0);
  }
  return {totalMs, echoMs};
}

/** Real requests with pauses between them, as a device is asked. */
export async function timeInferences(
  client: ProtocolClient,
  modelName: string,
  inputs: NamedTensors,
  {runs, warmUps}: {readonly runs: number; readonly warmUps: number},
): Promise<Pick<RequestTimes, 'totalMs'> & {readonly replyBytes: number}> {
  const totalMs: number[] = [];
  let replyBytes = 0;
  for (let run = -warmUps; run < runs; run++) {
    await delay(PAUSE_MS);
    const answer = await client.infer(modelName, {inputs});
    replyBytes = bytesOf(answer.outputs);
    if (run >= 0) totalMs.push(answer.serverTiming.get('total') ?? 0);
  }
  return {totalMs, replyBytes};
}

/**
 * What serving adds to running the model: what any request costs the endpoint, and what is left of a whole request
 * after that and the model's run by itself, which a request pays only where layers run.
 */
export function servingOverheadFrom({totalMs, echoMs}: RequestTimes, wholeRun: RepeatedMs): ServingOverhead {
  const requestOverhead = requestOverheadFrom(echoMs);
  const total = summarizeTimes(totalMs);
  const restMs = total.medianMs - wholeRun.medianMs - requestOverhead.medianMs;
  return {requestOverhead, sessionOverhead: {...total, medianMs: Math.max(0, restMs)}};
}

export function requestOverheadFrom(echoMs: readonly number[]): RepeatedMs {
  return {...summarizeTimes(groupMeans(echoMs)), runs: echoMs.length};
}

/**
 * Means of a few neighbours each. Where the processor is rationed, a short exchange is either stopped for long or not at
 * all; the median of such times says nothing, that of their means does, and is still deaf to a few disturbed ones.
 */
function groupMeans(values: readonly number[]): number[] {
  const means: number[] = [];
  for (let first = 0; first + GROUP <= values.length; first += GROUP) {
    means.push(values.slice(first, first + GROUP).reduce((sum, value) => sum + value, 0) / GROUP);
  }
  return means.length === 0 ? [...values] : means;
}

function bytesOf(tensors: NamedTensors): number {
  return Object.values(tensors).reduce((sum, {bytes}) => sum + bytes.byteLength, 0);
}
