import type {NamedTensors} from '../documents/tensor.ts';
import type {SampleSource} from './sampleRuns/readAhead.ts';

/** Farthest that a copy's contrast is from the sample's. */
const LARGEST_CHANGE = 0.03;
/** Requests to judge by: with these the noise of a classifier with ten outputs is known to about 0.2 dB. */
const ENOUGH_REQUESTS = 256;
const MOST_COPIES = 16;

/**
 * The requests of `source`, and after them copies of those from `from` on, each with all float values multiplied by
 * another factor near 1, until there are enough to judge by. Such a copy is as likely an input as the sample itself, but
 * rounds differently everywhere: so a few samples tell what rounding costs.
 */
export function variedSamples(source: SampleSource, from: number): SampleSource {
  const count = source.requestCount;
  const varied = count - from;
  const copies =
    varied === 0 ? 0 : Math.min(MOST_COPIES, Math.max(0, Math.ceil(ENOUGH_REQUESTS / varied) - 1));
  return {
    requestCount: count + varied * copies,
    async readRequest(index) {
      if (index < count) return source.readRequest(index);
      const copy = Math.floor((index - count) / varied);
      return scaled(await source.readRequest(from + ((index - count) % varied)), factorOf(copy, copies));
    },
  };
}

/** By turns above and below 1, evenly spread, never 1. */
function factorOf(copy: number, copies: number): number {
  const step = Math.floor(copy / 2) + 1;
  const change = (LARGEST_CHANGE * step) / Math.ceil(copies / 2);
  return copy % 2 === 0 ? 1 - change : 1 + change;
}

function scaled(tensors: NamedTensors, factor: number): NamedTensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => {
      if (tensor.elementType !== 'float32') return [name, tensor];
      const values = new Float32Array(tensor.bytes.slice().buffer).map(value => value * factor);
      return [name, {...tensor, bytes: new Uint8Array(values.buffer)}];
    }),
  );
}
