import {setTimeout as delay} from 'node:timers/promises';
import type {NamedTensors} from '../../documents/tensor.ts';
import type {ProtocolClient} from '../client.ts';
import {repetitionHeaders, timesFrom, type Repetition} from './repetition.ts';

const REQUEST_DEADLINE_MS = 60_000;

/**
 * The same request again and again, and what the endpoint says that each took, in ms. Through a relay the inputs cross the
 * link to it once; where none repeats, they are sent each time.
 * @throws ExpectedError as the client does, with the first request that fails
 */
export async function askRepeatedly(
  client: ProtocolClient,
  model: string,
  inputs: NamedTensors,
  repetition: Repetition,
): Promise<readonly number[]> {
  const {atLeast, atMost, withinMs, pauseMs} = repetition;
  const endMs = performance.now() + withinMs;
  const answer = await client.infer(
    model,
    {inputs},
    {
      deadlineMs: withinMs + atLeast * (pauseMs + REQUEST_DEADLINE_MS),
      headers: repetitionHeaders(repetition),
    },
  );
  const repeatedMs = timesFrom(answer.headers);
  if (repeatedMs !== null) return repeatedMs;
  const timesMs = [answer.serverTiming.get('total') ?? answer.wallMs];
  while (timesMs.length < atLeast || (timesMs.length < atMost && performance.now() < endMs)) {
    await delay(pauseMs);
    const {serverTiming, wallMs} = await client.infer(model, {inputs}, {deadlineMs: REQUEST_DEADLINE_MS});
    timesMs.push(serverTiming.get('total') ?? wallMs);
  }
  return timesMs;
}
