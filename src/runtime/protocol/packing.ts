import {promisify} from 'node:util';
import zlib from 'node:zlib';
import {messageOf} from '../../errors.ts';
import {ProtocolError} from './protocolError.ts';

/** As HTTP names it in Content-Encoding. */
export const PACKING = 'zstd';
/** What a server says of itself that takes packed bodies. */
export const PACKING_EXTENSION = 'zstd_bodies';

/** The runtime that is shipped has it; a cloud may be started with a Node older than 22.15, which has not. */
const {zstdCompress, zstdDecompress}: Partial<Pick<typeof zlib, 'zstdCompress' | 'zstdDecompress'>> = zlib;

export const canUnpack = zstdDecompress !== undefined;

/** The fastest: every link is slower than it, and slower levels find little more in activations. */
const LEVEL = {params: {[zlib.constants.ZSTD_c_compressionLevel]: 1}} as const;

/** The parts one after the other, in fewer bytes without a loss. */
export async function packParts(parts: readonly Uint8Array[]): Promise<Uint8Array> {
  if (zstdCompress === undefined) throw new Error(`this Node has no ${PACKING}`);
  return promisify(zstdCompress)(Buffer.concat(parts), LEVEL);
}

/** @throws ProtocolError 413 when there is more in it than `maxBytes`, 400 when it is not what it says */
export async function unpackBody(body: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  if (zstdDecompress === undefined) throw new ProtocolError(415, `packed bodies are not supported here`);
  try {
    return await promisify(zstdDecompress)(body, {maxOutputLength: maxBytes});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new ProtocolError(413, `the unpacked body is larger than ${maxBytes} bytes`);
    throw new ProtocolError(400, `the body is not ${PACKING}: ${messageOf(error)}`);
  }
}
