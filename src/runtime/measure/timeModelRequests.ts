import {randomFeeds} from '../../engine/randomFeeds.ts';
import type {ProtocolClient} from '../client.ts';
import {exchangeThroughEndpoint} from './exchanges.ts';
import {measureHandover, type MeasuredHandover} from './measureHandover.ts';
import {measureLink, type MeasuredLink} from './measureLink.ts';
import {readInputSpecs} from './readInputSpecs.ts';
import {requestOverheadFrom, timeInferences, timeRequests, type RequestTimes} from './servingOverhead.ts';

const WARM_UPS_AGAIN = 3;
/** How long a link is measured when nothing else is said. */
export const DEFAULT_LINK_SECONDS = 10;
/** Of that time again, for what handing tensors over it costs. */
const HANDOVER_SHARE = 0.6;

export interface EndpointTimes extends RequestTimes {
  /** Through the endpoint, as an agent uses it. */
  readonly link: MeasuredLink | null;
  readonly handover: MeasuredHandover | null;
}

/**
 * Times requests to a model of which only the name is known (its inputs come from the endpoint), and, where the endpoint
 * has a cloud, what asking that costs, and what handing a session's tensors on to it.
 */
export async function timeModelRequests(
  client: ProtocolClient,
  modelName: string,
  counts: {
    readonly runs: number;
    readonly warmUps: number;
    readonly hasCloud: boolean;
    readonly hasHandover: boolean;
    readonly linkSeconds: number;
  },
): Promise<EndpointTimes> {
  const inputs = randomFeeds(await readInputSpecs(client, modelName), 1);
  const {totalMs: first, echoMs} = await timeRequests(client, modelName, inputs, counts);
  const totalMs = [...first];
  if (!counts.hasCloud) return {totalMs, echoMs, link: null, handover: null};
  // A machine is not equally fast at all times: between the other measurements its requests are timed again.
  const again = {runs: Math.ceil(counts.runs / 2), warmUps: WARM_UPS_AGAIN};
  const timeAgain = async (): Promise<void> => {
    totalMs.push(...(await timeInferences(client, modelName, inputs, again)).totalMs);
  };
  const budgetMs = 1000 * counts.linkSeconds;
  const exchange = exchangeThroughEndpoint(client, requestOverheadFrom(echoMs).medianMs);
  const link = await measureLink(exchange, {budgetMs});
  await timeAgain();
  const handover = counts.hasHandover
    ? await measureHandover(client, link, {budgetMs: HANDOVER_SHARE * budgetMs})
    : null;
  await timeAgain();
  return {totalMs, echoMs, link, handover};
}
