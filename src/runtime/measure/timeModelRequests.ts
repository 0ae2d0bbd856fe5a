import {randomFeeds} from '../../engine/randomFeeds.ts';
import type {ProtocolClient} from '../client.ts';
import {exchangeThroughEndpoint} from './exchanges.ts';
import {measureHandover, type MeasuredHandover} from './measureHandover.ts';
import {measureLink, type MeasuredLink} from './measureLink.ts';
import {readInputSpecs} from './readInputSpecs.ts';
import {requestOverheadFrom, timeRequests, type RequestTimes} from './servingOverhead.ts';

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
  },
): Promise<EndpointTimes> {
  const specs = await readInputSpecs(client, modelName);
  const times = await timeRequests(client, modelName, randomFeeds(specs, 1), counts);
  if (!counts.hasCloud) return {...times, link: null, handover: null};
  const overheadMs = requestOverheadFrom(times.echoMs).medianMs;
  const link = await measureLink(exchangeThroughEndpoint(client, overheadMs));
  return {...times, link, handover: counts.hasHandover ? await measureHandover(client, link) : null};
}
