import {setTimeout as delay} from 'node:timers/promises';
import {PAUSE_MS} from '../../engine/pauseMs.ts';
import type {ProtocolClient} from '../client.ts';
import {FORWARD_MODEL, LARGEST_BYTES} from '../server/forwardModel.ts';
import {HANDOVER_MODEL} from '../server/handoverModel.ts';
import {interquartileMean} from './interquartileMean.ts';
import type {LinkFit} from './fitLink.ts';

export interface MeasuredHandover {
  /** A session's part in a request that goes on to the cloud, whatever the size. */
  readonly sessionMs: number;
  /** For each byte that a session gives out and the cloud is sent. */
  readonly nsPerByte: number;
  readonly samples: number;
  readonly obtained: 'measured';
}

const SIZES_BYTES = [LARGEST_BYTES, LARGEST_BYTES / 4, LARGEST_BYTES / 16];
const SMALL_BYTES = 16;
const TIMES = 24;
/** Fewer than this say nothing of a difference. */
const LEAST_TIMES = 6;
const WARM_UPS = 3;

/**
 * What a cut costs besides the link as it was measured. Both parts are differences of requests made turn about, so that
 * what the link contains already is in both and falls out: `sessionMs` of small requests with a session and without,
 * `nsPerByte` of large ones whose bytes come from a session and from the request. `null` over a link so slow that
 * `budgetMs` does not suffice: there the difference is lost beside it.
 */
export async function measureHandover(
  client: ProtocolClient,
  link: LinkFit,
  {budgetMs}: {readonly budgetMs: number},
): Promise<MeasuredHandover | null> {
  const requestMs = (bytes: number) => link.fixedMs + (1000 * bytes) / link.upBytesPerSecond + PAUSE_MS;
  const timesWithin = (bytes: number) => Math.min(TIMES, Math.floor(budgetMs / (2 * requestMs(bytes))));
  const largeBytes = SIZES_BYTES.find(bytes => timesWithin(bytes) >= LEAST_TIMES);
  if (largeBytes === undefined) return null;

  const ask = async (model: string, bytes: number, parameters: Record<string, boolean | number>) => {
    await delay(PAUSE_MS);
    const data = {elementType: 'uint8', shape: [bytes], bytes: new Uint8Array(bytes)} as const;
    const {serverTiming} = await client.infer(model, {inputs: {data}, parameters}, {deadlineMs: 60_000});
    return (serverTiming.get('total') ?? 0) - (serverTiming.get('tail') ?? 0);
  };
  const forward = (bytes: number) => ask(FORWARD_MODEL, bytes, {down_bytes: SMALL_BYTES});
  const keep = (bytes: number) => ask(HANDOVER_MODEL, bytes, {from_session: false});
  const give = (bytes: number) => ask(HANDOVER_MODEL, bytes, {from_session: true});

  const sessionMs = await measureDifference(
    () => give(SMALL_BYTES),
    () => forward(SMALL_BYTES),
    timesWithin(SMALL_BYTES),
  );
  const givenMs = await measureDifference(
    () => give(largeBytes),
    () => keep(largeBytes),
    timesWithin(largeBytes),
  );
  return {
    sessionMs: Math.max(0, sessionMs),
    nsPerByte: Math.max(0, (1e6 * givenMs) / largeBytes),
    samples: 2 * (timesWithin(SMALL_BYTES) + timesWithin(largeBytes)),
    obtained: 'measured',
  };
}

/** How much longer the first takes than the second; turn about, so that whatever else happens meets both alike. */
async function measureDifference(
  longer: () => Promise<number>,
  shorter: () => Promise<number>,
  times: number,
): Promise<number> {
  const longerMs: number[] = [];
  const shorterMs: number[] = [];
  for (let time = -WARM_UPS; time < times; time++) {
    const [long, short] = [await longer(), await shorter()];
    if (time < 0) continue;
    longerMs.push(long);
    shorterMs.push(short);
  }
  return interquartileMean(longerMs) - interquartileMean(shorterMs);
}
