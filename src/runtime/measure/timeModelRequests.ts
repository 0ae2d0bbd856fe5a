import {elementTypeFromProtocolName} from '../../documents/elementTypes.ts';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {ProtocolClient} from '../client.ts';
import {exchangeThroughEndpoint} from './exchanges.ts';
import {measureLink, type MeasuredLink} from './measureLink.ts';
import {requestOverheadFrom, timeRequests, type RequestTimes} from './servingOverhead.ts';

export interface EndpointTimes extends RequestTimes {
  /** Through the endpoint, as an agent uses it. */
  readonly link: MeasuredLink | null;
}

/**
 * Times requests to a model of which only the name is known (its inputs come from the endpoint), and, where the endpoint
 * has a cloud, what asking that costs.
 */
export async function timeModelRequests(
  client: ProtocolClient,
  modelName: string,
  counts: {readonly runs: number; readonly warmUps: number; readonly hasCloud: boolean},
): Promise<EndpointTimes> {
  const {inputs} = await client.readModelMetadata(modelName);
  const specs = inputs.map(({name, datatype, shape}) => {
    const elementType = elementTypeFromProtocolName(datatype);
    if (elementType === undefined) {
      throw new ExpectedError(
        'unsupported-tensor-type',
        `Input "${name}" of ${modelName} is ${datatype}.`,
        EXIT.unsupported,
      );
    }
    return {name, elementType, shape: shape.map(size => Math.max(size, 1))};
  });
  const times = await timeRequests(client, modelName, randomFeeds(specs, 1), counts);
  if (!counts.hasCloud) return {...times, link: null};
  const overheadMs = requestOverheadFrom(times.echoMs).medianMs;
  return {...times, link: await measureLink(exchangeThroughEndpoint(client, overheadMs))};
}
