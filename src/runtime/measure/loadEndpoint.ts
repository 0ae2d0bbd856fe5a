import {setTimeout as delay} from 'node:timers/promises';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import type {ProtocolClient} from '../client.ts';
import {readInputSpecs} from './readInputSpecs.ts';

export interface EndpointLoad {
  /** One request after the other with pauses, as the profile was measured: what the endpoint says of each, in ms. */
  readonly single: readonly SingleRequest[];
  readonly rate: {
    /** Asked at the same time, without pauses. */
    readonly concurrency: number;
    readonly seconds: number;
    /** As who asked saw them, in ms. */
    readonly wallMs: readonly number[];
  };
  readonly failures: number;
}

export interface SingleRequest {
  readonly totalMs: number;
  readonly headMs: number;
  readonly linkMs: number;
  readonly tailMs: number;
  readonly isAlone: boolean;
}

export interface LoadOptions {
  readonly requests: number;
  readonly warmUps: number;
  readonly pauseMs: number;
  readonly concurrency: number;
  /** How long requests are made without pauses. */
  readonly seconds: number;
}

/**
 * Asks the endpoint of this machine with made-up values: first one request after the other, then several at a time. Requests
 * that fail are counted.
 * @throws what asking for the model's inputs, or the first request, throws
 */
export async function loadEndpoint(
  client: ProtocolClient,
  modelName: string,
  {requests, warmUps, pauseMs, concurrency, seconds}: LoadOptions,
): Promise<EndpointLoad> {
  const specs = await readInputSpecs(client, modelName);
  const ask = (seed: number) => client.infer(modelName, {inputs: randomFeeds(specs, seed)});
  for (let at = 0; at < Math.max(1, warmUps); at++) await ask(at);
  let failures = 0;
  const single: SingleRequest[] = [];
  for (let at = 0; at < requests; at++) {
    await delay(pauseMs);
    try {
      const {serverTiming} = await ask(at);
      const of = (name: string): number => serverTiming.get(name) ?? 0;
      single.push({
        totalMs: of('total'),
        headMs: of('head'),
        linkMs: of('link'),
        tailMs: of('tail'),
        isAlone: serverTiming.has('fallback'),
      });
    } catch {
      failures++;
    }
  }
  const wallMs: number[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  const askOn = async (seed: number): Promise<void> => {
    while (performance.now() < endMs) {
      try {
        wallMs.push((await ask(seed)).wallMs);
      } catch {
        failures++;
        // Not as fast as it can be refused.
        await delay(pauseMs);
      }
    }
  };
  await Promise.all(Array.from({length: concurrency}, (_, seed) => askOn(seed)));
  const lasted = (performance.now() - startedMs) / 1000;
  return {single, rate: {concurrency, seconds: lasted, wallMs}, failures};
}
