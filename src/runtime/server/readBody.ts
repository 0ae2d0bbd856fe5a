import type {IncomingMessage} from 'node:http';
import {bodyFromChunks} from '../protocol/bodies.ts';
import {ProtocolError} from '../protocol/protocolError.ts';

/**
 * A request's whole body.
 * @throws ProtocolError 413 as soon as it is known to be larger than `maxBytes`, 400 when the client went away
 */
export function readBody(
  request: IncomingMessage,
  headerLength: number | null,
  maxBytes: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const tooLarge = () => new ProtocolError(413, `the body is larger than ${maxBytes} bytes`);
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
      reject(tooLarge());
      return;
    }
    const chunks: Buffer[] = [];
    let totalBytes = 0;
    request.on('data', (chunk: Buffer) => {
      totalBytes += chunk.length;
      if (totalBytes > maxBytes) {
        chunks.length = 0;
        reject(tooLarge());
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(bodyFromChunks(chunks, totalBytes, headerLength)));
    request.on('error', () =>
      reject(new ProtocolError(400, 'the connection broke before the end of the body')),
    );
  });
}
