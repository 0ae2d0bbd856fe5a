import type {Session} from '../../engine/session.ts';
import type {ProtocolClient} from '../client.ts';
import {ProtocolError} from '../protocol/protocolError.ts';
import {ECHO_MODEL} from './echoModel.ts';
import type {ServedModel} from './servedModels.ts';

export const HANDOVER_MODEL = 'edgewise.handover';

export interface HandoverSessions {
  /** Makes as many bytes as its input `size` says and hands them all out, as `data`. */
  readonly gives: Session;
  /** Makes as many, and hands out one. */
  readonly keeps: Session;
}

/**
 * Sends the cloud as many bytes as the request has: those that a session made (`from_session`), as an agent sends a
 * head's output, or else the request's own, while a session made as many. The difference is what the handing over costs.
 */
export function makeHandoverModel(cloud: ProtocolClient, {gives, keeps}: HandoverSessions): ServedModel {
  return {
    name: HANDOVER_MODEL,
    version: '1',
    platform: 'edgewise',
    inputs: [{name: 'data', elementType: 'uint8', shape: [null]}],
    outputs: [{name: 'data', elementType: 'uint8', shape: [null]}],
    async infer({inputs, parameters}) {
      const given = inputs['data'];
      if (given === undefined)
        throw new ProtocolError(400, `model '${HANDOVER_MODEL}' takes an input 'data'`);
      const isFromSession = parameters['from_session'] === true;
      const sizeBytes = new Uint8Array(BigInt64Array.of(BigInt(given.bytes.byteLength)).buffer);
      const size = {elementType: 'int64', shape: [1], bytes: sizeBytes} as const;
      const {outputs} = await (isFromSession ? gives : keeps).run({size});
      const data = isFromSession ? outputs['data'] : given;
      if (data === undefined) throw new Error('the session that gives gave nothing');
      const answer = await cloud.infer(ECHO_MODEL, {inputs: {data}, parameters: {reply_bytes: 16}});
      return {outputs: answer.outputs, timings: [['tail', answer.serverTiming.get('total') ?? 0]]};
    },
  };
}
