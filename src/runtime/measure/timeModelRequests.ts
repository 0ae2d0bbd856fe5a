import {elementTypeFromProtocolName} from '../../documents/elementTypes.ts';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {ProtocolClient} from '../client.ts';
import {timeRequests} from './timeRequests.ts';

/** Times requests to a model of which only the name is known: its inputs come from the endpoint. */
export async function timeModelRequests(
  client: ProtocolClient,
  modelName: string,
  counts: {readonly runs: number; readonly warmUps: number},
): Promise<{totalMs: number[]; wallMs: number[]}> {
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
  return timeRequests(client, modelName, randomFeeds(specs, 1), counts);
}
