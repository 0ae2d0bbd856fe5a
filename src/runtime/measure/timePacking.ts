import {packParts} from '../protocol/packing.ts';
import type {RepeatedMs} from '../server/servedModels.ts';
import {summarizeTimes} from './summarizeTimes.ts';

const SAMPLE_BYTES = 2 ** 20;

/** Bytes as activations have them after a relu: half of them 0, the small ones more often than the large. The same always. */
export function packingSample(): Uint8Array {
  const bytes = new Uint8Array(SAMPLE_BYTES);
  let state = 1;
  for (let at = 0; at < bytes.length; at++) {
    // A linear congruential generator: any that is the same everywhere will do.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const share = state / 2 ** 32;
    bytes[at] = share < 0.5 ? 0 : Math.min(255, Math.floor(-60 * Math.log(2 * (1 - share) + 1e-9)));
  }
  return bytes;
}

/** How long packing the sample takes here. */
export async function timePacking(runs: number): Promise<RepeatedMs> {
  const sample = packingSample();
  const times: number[] = [];
  for (let run = -2; run < runs; run++) {
    const startedMs = performance.now();
    await packParts([sample]);
    if (run >= 0) times.push(performance.now() - startedMs);
  }
  return summarizeTimes(times);
}
