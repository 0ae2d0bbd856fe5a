import {ExpectedError} from '../errors.ts';
import {settleWithin} from './deadline.ts';
import {diskFullError, unreachableError, uploadFailedError} from './deviceErrors.ts';
import type {UploadOptions} from './machine.ts';
import {describeSftpError, SFTP_STATUS, sftpStatusOf, type SftpSession} from './sftpSession.ts';
import type {SshConnection} from './sshConnection.ts';
import {uploadTimeoutMs, type SizedSource} from './uploadSource.ts';

/** What every SFTP server takes in one write. */
const CHUNK_BYTES = 32 * 1024;
/** 64 × 32 KiB fill the two megabytes that one channel may have under way. */
const REQUESTS_PER_SESSION = 64;
/** Below this a second session costs more than it brings. */
const BYTES_PER_SESSION = 4 * 1024 * 1024;
/** Four sessions are three times as fast as one on a link of 100 ms (50 MB, ssh2 1.17, 2026). */
const MAX_SESSIONS = 4;
const CLEANING_UP_MS = 5000;

export function countUploadSessions(sizeBytes: number): number {
  return Math.max(1, Math.min(MAX_SESSIONS, Math.ceil(sizeBytes / BYTES_PER_SESSION)));
}

interface Progress {
  sentBytes: number;
  nextPosition: number;
  isStopped: boolean;
}

interface Target {
  readonly session: SftpSession;
  readonly handle: Buffer;
}

/**
 * Writes the file over the given sessions at once: the window of one channel is what limits the speed on a slow link.
 * What fails is removed again as long as the connection lives.
 * @throws ExpectedError `disk-full`, `upload-failed`, `device-unreachable`
 */
export async function uploadOverSftp(
  connection: SshConnection,
  sessions: readonly [SftpSession, ...SftpSession[]],
  source: SizedSource,
  remotePath: string,
  options: UploadOptions,
): Promise<void> {
  const [first, ...others] = sessions;
  const timeoutMs = options.timeoutMs ?? uploadTimeoutMs(source.sizeBytes);
  const progress: Progress = {sentBytes: 0, nextPosition: 0, isStopped: false};
  let hasCreated = false;

  const writeAll = async () => {
    const handle = await first.ask<Buffer>((sftp, done) =>
      sftp.open(remotePath, 'w', options.mode ?? 0o644, done),
    );
    hasCreated = true;
    const targets: Target[] = [{session: first, handle}];
    const opened = others.map(async session => ({
      session,
      handle: await session.ask<Buffer>((sftp, done) => sftp.open(remotePath, 'r+', done)),
    }));
    targets.push(...(await Promise.all(opened)));
    const {mode} = options;
    if (mode !== undefined) await first.ask((sftp, done) => sftp.fchmod(handle, mode, done));
    await Promise.all(
      targets.flatMap(target =>
        Array.from({length: REQUESTS_PER_SESSION}, () =>
          writeChunks(target, source, progress, options.onProgress),
        ),
      ),
    );
    await syncFile(connection, {session: first, handle});
    await Promise.all(
      targets.map(target => target.session.ask((sftp, done) => sftp.close(target.handle, done))),
    );
    return 'written' as const;
  };

  const work = writeAll();
  let failure: unknown;
  try {
    if ((await settleWithin(timeoutMs, work)) === 'written') return;
    failure = new Error(`it took longer than ${Math.round(timeoutMs / 1000)} s`);
    work.catch(() => {});
  } catch (error) {
    failure = error;
  }
  progress.isStopped = true;
  if (failure instanceof ExpectedError) throw failure;
  const freeBytes = await settleWithin(CLEANING_UP_MS, readFreeBytes(first, remotePath));
  if (hasCreated) {
    const removal = first.ask((sftp, done) => sftp.unlink(remotePath, done)).catch(() => {});
    await settleWithin(CLEANING_UP_MS, removal);
  }
  if (connection.isLost)
    throw unreachableError(connection.where, `was lost while ${remotePath} was written`, failure);
  const missingBytes = source.sizeBytes - progress.sentBytes;
  // A full disk has no status of its own: "failure" is all that the server says.
  if (sftpStatusOf(failure) === SFTP_STATUS.failure && freeBytes !== undefined && freeBytes < missingBytes) {
    const freeAfterRemovalBytes = freeBytes + (hasCreated ? progress.sentBytes : 0);
    throw diskFullError(connection.where, remotePath, freeAfterRemovalBytes, source.sizeBytes, failure);
  }
  throw uploadFailedError(connection.where, remotePath, describeSftpError(failure), failure);
}

async function writeChunks(
  {session, handle}: Target,
  source: SizedSource,
  progress: Progress,
  onProgress: ((sentBytes: number) => void) | undefined,
): Promise<void> {
  while (!progress.isStopped && progress.nextPosition < source.sizeBytes) {
    const position = progress.nextPosition;
    progress.nextPosition += CHUNK_BYTES;
    try {
      const chunk = await source.readChunk(position, CHUNK_BYTES);
      await session.ask((sftp, done) => sftp.write(handle, chunk, 0, chunk.length, position, done));
      progress.sentBytes += chunk.length;
    } catch (error) {
      progress.isStopped = true;
      throw error;
    }
    if (!progress.isStopped) onProgress?.(progress.sentBytes);
  }
}

/** A power cut must not leave a file of the right length without its content. Servers that cannot are let off. */
async function syncFile(connection: SshConnection, {session, handle}: Target): Promise<void> {
  try {
    await session.ask((sftp, done) => sftp.ext_openssh_fsync(handle, done));
  } catch (error) {
    // Delayed allocation tells of a full disk only now.
    if (sftpStatusOf(error) === SFTP_STATUS.failure || connection.isLost) throw error;
  }
}

interface FileSystemFacts {
  readonly f_frsize: number;
  readonly f_bavail: number;
}

/** Free bytes of the file system that holds `remotePath`, as far as the server tells. */
async function readFreeBytes(session: SftpSession, remotePath: string): Promise<number | undefined> {
  const lastSlash = remotePath.lastIndexOf('/');
  const folder = lastSlash < 0 ? '.' : remotePath.slice(0, lastSlash) || '/';
  try {
    const facts = await session.ask<FileSystemFacts>((sftp, done) =>
      // The types promise one file system's fields under other names than the ones that come.
      sftp.ext_openssh_statvfs(folder, done),
    );
    return Number(facts.f_frsize) * Number(facts.f_bavail);
  } catch {
    return undefined;
  }
}
