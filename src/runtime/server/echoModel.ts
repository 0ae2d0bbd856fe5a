import {randomFillSync} from 'node:crypto';
import {ProtocolError} from '../protocol/protocolError.ts';
import type {ServedModel} from './servedModels.ts';

export const ECHO_MODEL = 'edgewise.echo';
const MAX_REPLY_BYTES = 64 * 2 ** 20;

/** Takes any bytes and answers as many as asked for, without an engine behind it: for measuring links. */
export function makeEchoModel(): ServedModel {
  // Random, so that nothing on the way can compress it.
  let pool = new Uint8Array(0);
  return {
    name: ECHO_MODEL,
    version: '1',
    platform: 'edgewise',
    inputs: [{name: 'data', elementType: 'uint8', shape: [null]}],
    outputs: [{name: 'data', elementType: 'uint8', shape: [null]}],
    async infer({inputs, parameters}) {
      const given = inputs['data'];
      if (given?.elementType !== 'uint8' || given.shape.length !== 1) {
        throw new ProtocolError(400, `model '${ECHO_MODEL}' takes one input, 'data' of UINT8 [n]`);
      }
      const replyBytes = parameters['reply_bytes'] ?? given.bytes.byteLength;
      if (
        typeof replyBytes !== 'number' ||
        !Number.isInteger(replyBytes) ||
        replyBytes < 0 ||
        replyBytes > MAX_REPLY_BYTES
      ) {
        throw new ProtocolError(400, `reply_bytes must be a whole number from 0 to ${MAX_REPLY_BYTES}`);
      }
      if (pool.byteLength < replyBytes) pool = randomFillSync(new Uint8Array(replyBytes));
      return {
        outputs: {data: {elementType: 'uint8', shape: [replyBytes], bytes: pool.subarray(0, replyBytes)}},
        timings: [['compute', 0]],
      };
    },
  };
}
