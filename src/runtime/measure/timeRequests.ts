import type {NamedTensors} from '../../documents/tensor.ts';
import type {ProtocolClient} from '../client.ts';

/** Real requests, one after the other, by what the server says of each in its Server-Timing. */
export async function timeRequests(
  client: ProtocolClient,
  modelName: string,
  inputs: NamedTensors,
  {runs, warmUps}: {readonly runs: number; readonly warmUps: number},
): Promise<{totalMs: number[]; wallMs: number[]}> {
  const totalMs: number[] = [];
  const wallMs: number[] = [];
  for (let run = -warmUps; run < runs; run++) {
    const answer = await client.infer(modelName, {inputs});
    if (run < 0) continue;
    totalMs.push(answer.serverTiming.get('total') ?? 0);
    wallMs.push(answer.wallMs);
  }
  return {totalMs, wallMs};
}
