import type {SourceRange} from './byteSource.ts';

/**
 * Where each message that was read lies in its file. The messages are frozen, so a message that is in here is written
 * back byte for byte; one made by spreading another is not in here and is encoded anew.
 */
const origins = new WeakMap<object, SourceRange>();

export function rememberOrigin(message: object, range: SourceRange): void {
  origins.set(message, range);
}

export function originOf(message: object): SourceRange | undefined {
  return origins.get(message);
}
