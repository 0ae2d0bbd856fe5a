import type {ProtocolClient} from '../client.ts';
import {ProtocolError} from '../protocol/protocolError.ts';
import {ECHO_MODEL} from './echoModel.ts';
import type {ServedModel} from './servedModels.ts';

export const FORWARD_MODEL = 'edgewise.forward';

/** The largest exchange that is measured. */
export const LARGEST_BYTES = 1024 * 1024;

/** Does with the cloud what an agent does with a split, but for running layers: for measuring what a cut costs. */
export function makeForwardModel(cloud: ProtocolClient): ServedModel {
  return {
    name: FORWARD_MODEL,
    version: '1',
    platform: 'edgewise',
    inputs: [{name: 'data', elementType: 'uint8', shape: [null]}],
    outputs: [{name: 'data', elementType: 'uint8', shape: [null]}],
    async infer({inputs, parameters}) {
      // Passed on as it came, fresh from the socket, as an agent does it: memory that is warm already would be faster.
      const {data} = inputs;
      const downBytes = parameters['down_bytes'];
      if (data === undefined || typeof downBytes !== 'number') {
        throw new ProtocolError(
          400,
          `model '${FORWARD_MODEL}' takes an input 'data' and a parameter 'down_bytes'`,
        );
      }
      const answer = await cloud.infer(ECHO_MODEL, {inputs: {data}, parameters: {reply_bytes: downBytes}});
      return {outputs: answer.outputs, timings: [['tail', answer.serverTiming.get('total') ?? 0]]};
    },
  };
}
