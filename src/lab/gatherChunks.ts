import {Transform} from 'node:stream';

/** A message that came in pieces is over when nothing more came for so long. */
const QUIET_MS = 2;
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * Passes on in one piece what arrives in one go. SSH cuts a message into packets of 32 KB; on an emulated device, which
 * is not slow in the network but in every single wake-up, a request from outside would otherwise cost much more than
 * the same request of the device's own programs.
 */
export function gatherChunks(): Transform {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const gathering: Transform = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      bytes += chunk.length;
      clearTimeout(timer);
      if (bytes >= MOST_BYTES) release();
      else timer = setTimeout(release, QUIET_MS);
      done();
    },
    flush(done) {
      clearTimeout(timer);
      release();
      done();
    },
    destroy(error, done) {
      clearTimeout(timer);
      done(error);
    },
  });
  function release(): void {
    if (bytes > 0) gathering.push(Buffer.concat(chunks));
    chunks = [];
    bytes = 0;
  }
  return gathering;
}
