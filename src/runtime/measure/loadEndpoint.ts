import {setTimeout as delay} from 'node:timers/promises';
import type {NamedTensors} from '../../documents/tensor.ts';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import type {ProtocolClient} from '../client.ts';
import {readInputSpecs} from './readInputSpecs.ts';

export interface EndpointLoad {
  /**
   * Round by round one request to each model, in the order in which they were named, one after the other with pauses, as
   * the profile was measured: what the endpoint says of each, in ms. `null`: no answer.
   */
  readonly rounds: readonly (readonly (SingleRequest | null)[])[];
  readonly rate: {
    /** Asked at the same time, without pauses; only the first model. */
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
  readonly rounds: number;
  readonly warmUps: number;
  readonly pauseMs: number;
  readonly concurrency: number;
  /** How long requests are made without pauses. */
  readonly seconds: number;
  /** What to ask with; made-up values when left out. Each round takes the next. */
  readonly samples?: readonly NamedTensors[];
}

/**
 * Asks the endpoint of this machine: first one request after the other, then several at a time. With several models each
 * round asks all, beginning with another one each time, so that whatever else the machine does meets all alike. Requests that
 * fail are counted; a model that fails to warm up is not asked any more.
 * @throws what asking for a model's inputs throws, and, where no model warms up, what the first one's request throws
 */
export async function loadEndpoint(
  client: ProtocolClient,
  modelNames: readonly [string, ...string[]],
  {rounds: roundCount, warmUps, pauseMs, concurrency, seconds, samples}: LoadOptions,
): Promise<EndpointLoad> {
  const [first] = modelNames;
  const specs = await readInputSpecs(client, first);
  const ask = (modelName: string, seed: number) => {
    const sample = samples?.[seed % samples.length];
    return client.infer(modelName, {inputs: sample ?? randomFeeds(specs, seed)});
  };
  let failures = 0;
  let refusal: unknown = null;
  const asked: number[] = [];
  for (const [index, modelName] of modelNames.entries()) {
    try {
      for (let at = 0; at < Math.max(1, warmUps); at++) await ask(modelName, at);
      asked.push(index);
    } catch (error) {
      refusal ??= error;
      failures++;
    }
  }
  if (asked.length === 0) throw refusal;
  const rounds: (SingleRequest | null)[][] = [];
  for (let round = 0; round < roundCount; round++) {
    const row = modelNames.map((): SingleRequest | null => null);
    for (const turn of asked.keys()) {
      const index = asked[(turn + round) % asked.length] as number;
      await delay(pauseMs);
      try {
        row[index] = requestFrom((await ask(modelNames[index] as string, round)).serverTiming);
      } catch {
        failures++;
      }
    }
    rounds.push(row);
  }
  const wallMs: number[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  const askOn = async (seed: number): Promise<void> => {
    while (performance.now() < endMs) {
      try {
        wallMs.push((await ask(first, seed)).wallMs);
      } catch {
        failures++;
        // Not as fast as it can be refused.
        await delay(pauseMs);
      }
    }
  };
  await Promise.all(Array.from({length: concurrency}, (_, seed) => askOn(seed)));
  const lasted = (performance.now() - startedMs) / 1000;
  return {rounds, rate: {concurrency, seconds: lasted, wallMs}, failures};
}

function requestFrom(serverTiming: ReadonlyMap<string, number>): SingleRequest {
  const of = (name: string): number => serverTiming.get(name) ?? 0;
  return {
    totalMs: of('total'),
    headMs: of('head'),
    linkMs: of('link'),
    tailMs: of('tail'),
    isAlone: serverTiming.has('fallback'),
  };
}
