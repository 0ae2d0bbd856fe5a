import {ProtocolError} from './protocolError.ts';
import {parametersFrom, splitBody} from './readFields.ts';

/** Strings longer than this stay bytes; model files are, names and configurations are not. */
const LONG_BYTES = 4096;
/** A multiple of 4, so that each piece of base64 can be decoded alone. */
const PIECE_BYTES = 2 ** 24;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The `file:` parameters of a request to load a model, by path; `null` when it has none. Files stay out of the JSON
 * parser: Node's strings end at 512 MiB, and models do not.
 * @throws ProtocolError 400 when the body is not such a request
 */
export function uploadedFilesFromBody(body: Uint8Array): ReadonlyMap<string, Uint8Array> | null {
  if (body.byteLength === 0) return null;
  const {skeleton, longStrings} = setAsideLongStrings(
    Buffer.from(body.buffer, body.byteOffset, body.byteLength),
  );
  const files = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(parametersFrom(splitBody(skeleton, null).json, 'the request'))) {
    if (!key.startsWith('file:')) continue;
    const aside =
      typeof value === 'string' && value.startsWith('\0') ? longStrings[Number(value.slice(1))] : undefined;
    files.set(
      key.slice('file:'.length),
      bytesFromBase64(key, aside ?? Buffer.from(typeof value === 'string' ? value : '?')),
    );
  }
  return files.size === 0 ? null : files;
}

/** The JSON with each long string replaced by NUL and a number, and the contents of those strings. */
function setAsideLongStrings(body: Buffer): {skeleton: Buffer; longStrings: Buffer[]} {
  const kept: Buffer[] = [];
  const longStrings: Buffer[] = [];
  let keptUntil = 0;
  let start = body.indexOf(QUOTE);
  while (start !== -1) {
    const end = endOfString(body, start);
    if (end === -1) break;
    if (end - start > LONG_BYTES) {
      kept.push(body.subarray(keptUntil, start), Buffer.from(`"\\u0000${longStrings.length}"`));
      longStrings.push(withoutEscapedSlashes(body.subarray(start + 1, end)));
      keptUntil = end + 1;
    }
    start = body.indexOf(QUOTE, end + 1);
  }
  return {skeleton: Buffer.concat([...kept, body.subarray(keptUntil)]), longStrings};
}

function endOfString(body: Buffer, start: number): number {
  let end = body.indexOf(QUOTE, start + 1);
  while (end !== -1) {
    let backslashes = 0;
    while (body[end - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = body.indexOf(QUOTE, end + 1);
  }
  return -1;
}

/** Some JSON writers escape "/", which is a letter of base64. */
function withoutEscapedSlashes(text: Buffer): Buffer {
  if (!text.includes(BACKSLASH)) return text;
  return text.filter((byte, index) => byte !== BACKSLASH || text[index + 1] !== 0x2f) as Buffer;
}

function bytesFromBase64(key: string, text: Buffer): Uint8Array {
  const refuse = () => new ProtocolError(400, `parameter '${key}' is not base64`);
  if (text.length % 4 !== 0) throw refuse();
  const bytes = new Uint8Array((text.length / 4) * 3);
  let length = 0;
  for (let offset = 0; offset < text.length; offset += PIECE_BYTES) {
    const piece = text.toString('latin1', offset, offset + PIECE_BYTES);
    const isLast = offset + PIECE_BYTES >= text.length;
    if (!(isLast ? /^[A-Za-z0-9+/]*={0,2}$/ : /^[A-Za-z0-9+/]*$/).test(piece)) throw refuse();
    const decoded = Buffer.from(piece, 'base64');
    bytes.set(decoded, length);
    length += decoded.length;
  }
  return bytes.subarray(0, length);
}
