import {bucketOfLatency} from '../../documents/agentStatistics.ts';
import type {NamedTensors, Tensor} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {ProtocolError} from '../protocol/protocolError.ts';
import type {ServedModel} from '../server/servedModels.ts';

/** What requests came to, so far. */
export interface RequestCounts {
  requests: number;
  errors: number;
  latency: Record<string, number>;
  classes: Record<string, number> | null;
}

/** More are no classes but a picture or a signal. */
const MAX_CLASSES = 10_000;

export function newCounts(): RequestCounts {
  return {requests: 0, errors: 0, latency: {}, classes: null};
}

/** The same model, whose requests are counted. A request that was wrong in itself says nothing about the model. */
export function countRequests(model: ServedModel, counts: RequestCounts): ServedModel {
  const scores = model.outputs[0]?.name;
  return {
    ...model,
    async infer(request) {
      const startedMs = performance.now();
      try {
        const answer = await model.infer(request);
        counts.requests++;
        addOne(counts.latency, bucketOfLatency(performance.now() - startedMs));
        for (const best of bestClasses(scores === undefined ? undefined : answer.outputs[scores]))
          addOne((counts.classes ??= {}), best);
        return answer;
      } catch (error) {
        if (!isCallersFault(error)) {
          counts.requests++;
          counts.errors++;
        }
        throw error;
      }
    },
  };
}

function addOne(counts: Record<string, number>, key: number): void {
  counts[String(key)] = (counts[String(key)] ?? 0) + 1;
}

function isCallersFault(error: unknown): boolean {
  if (error instanceof ProtocolError) return error.httpStatus < 500;
  return error instanceof ExpectedError && error.exitCode === EXIT.usage;
}

/** The class with the highest score, per row of the output's last axis. */
function bestClasses(tensor: NamedTensors[string] | undefined): number[] {
  const size = tensor?.shape.at(-1) ?? 0;
  if (tensor === undefined || tensor.elementType !== 'float32' || size < 2 || size > MAX_CLASSES) return [];
  const values = floatsOf(tensor);
  return Array.from({length: Math.floor(values.length / size)}, (_, row) => {
    let best = 0;
    for (let at = 1; at < size; at++)
      if ((values[row * size + at] ?? 0) > (values[row * size + best] ?? 0)) best = at;
    return best;
  });
}

function floatsOf({bytes}: Tensor): Float32Array {
  const isAligned = bytes.byteOffset % 4 === 0;
  const own = isAligned ? bytes : bytes.slice();
  return new Float32Array(own.buffer, own.byteOffset, Math.floor(own.byteLength / 4));
}
