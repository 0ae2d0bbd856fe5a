import {ExpectedError} from '../errors.ts';
import {downloadFailedError, noSuchFileError} from './deviceErrors.ts';
import {describeSftpError, SFTP_STATUS, sftpStatusOf, type SftpSession} from './sftpSession.ts';

const CHUNK_BYTES = 32 * 1024;
const REQUESTS = 64;

/** @throws ExpectedError `no-such-file`, `download-failed`, `device-unreachable` */
export async function downloadOverSftp(
  where: string,
  session: SftpSession,
  remotePath: string,
): Promise<Uint8Array> {
  try {
    const handle = await session.ask<Buffer>((sftp, done) => sftp.open(remotePath, 'r', done));
    const {size} = await session.ask<{size: number}>((sftp, done) =>
      sftp.fstat(handle, (error, stats) => done(error, stats)),
    );
    const bytes = await readToEnd(session, handle, size);
    await session.ask((sftp, done) => sftp.close(handle, done));
    return bytes;
  } catch (error) {
    if (error instanceof ExpectedError) throw error;
    if (sftpStatusOf(error) === SFTP_STATUS.noSuchFile) throw noSuchFileError(where, remotePath, error);
    throw downloadFailedError(where, remotePath, describeSftpError(error), error);
  }
}

/** The size is where to start from, no more: files grow and shrink, and those of /proc say that they are empty. */
async function readToEnd(session: SftpSession, handle: Buffer, sizeBytes: number): Promise<Buffer> {
  const whole = Buffer.alloc(sizeBytes);
  let nextPosition = 0;
  let endPosition = sizeBytes;
  const readChunks = async () => {
    while (nextPosition < sizeBytes) {
      const position = nextPosition;
      nextPosition += CHUNK_BYTES;
      const wanted = Math.min(CHUNK_BYTES, sizeBytes - position);
      for (let read = 0; read < wanted;) {
        const bytesRead = await readPart(
          session,
          handle,
          whole.subarray(position + read, position + wanted),
          position + read,
        );
        if (bytesRead === 0) {
          endPosition = Math.min(endPosition, position + read);
          break;
        }
        read += bytesRead;
      }
    }
  };
  await Promise.all(Array.from({length: REQUESTS}, readChunks));
  if (endPosition < sizeBytes) return whole.subarray(0, endPosition);
  const parts = [whole];
  for (let position = sizeBytes; ;) {
    const part = Buffer.alloc(CHUNK_BYTES);
    const bytesRead = await readPart(session, handle, part, position);
    if (bytesRead === 0) return Buffer.concat(parts);
    parts.push(part.subarray(0, bytesRead));
    position += bytesRead;
  }
}

/** 0 at the end of the file, which the protocol tells as an error. */
function readPart(session: SftpSession, handle: Buffer, part: Buffer, position: number): Promise<number> {
  return session.ask<number>((sftp, done) =>
    sftp.read(handle, part, 0, part.length, position, (error, bytesRead) => {
      if (error && sftpStatusOf(error) === SFTP_STATUS.endOfFile) done(undefined, 0);
      else done(error, bytesRead);
    }),
  );
}
