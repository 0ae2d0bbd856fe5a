import type {NamedTensors} from '../../documents/tensor.ts';
import type {ProtocolClient} from '../client.ts';

/** Real requests, one after the other, by what the server says of each in its Server-Timing. */
export async function timeRequests(
  client: ProtocolClient,
  modelName: string,
  inputs: NamedTensors,
  {runs, warmUps}: {readonly runs: number; readonly warmUps: number},
): Promise<{overheadMs: number[]; wallMs: number[]}> {
  const overheadMs: number[] = [];
  const wallMs: number[] = [];
  for (let run = -warmUps; run < runs; run++) {
    const answer = await client.infer(modelName, {inputs});
    if (run < 0) continue;
    const part = (name: string) => answer.serverTiming.get(name) ?? 0;
    // A server names running the model `compute`, a device's agent names it `head`.
    overheadMs.push(Math.max(0, part('total') - part('compute') - part('head')));
    wallMs.push(answer.wallMs);
  }
  return {overheadMs, wallMs};
}
