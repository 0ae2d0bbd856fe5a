import {open, type FileHandle} from 'node:fs/promises';
import type {SFTPWrapper} from 'ssh2';
import {ExpectedError, messageOf} from '../errors.ts';
import {settleWithin} from './deadline.ts';
import {
  diskFullError,
  downloadFailedError,
  noSuchFileError,
  unreachableError,
  uploadFailedError,
} from './deviceErrors.ts';
import type {UploadOptions, UploadSource} from './machine.ts';
import type {SshConnection} from './sshConnection.ts';

/** What every SFTP server takes in one write. */
const CHUNK_BYTES = 32 * 1024;
/** 64 × 32 KiB fill the two megabytes that one channel may have under way. */
const REQUESTS_PER_CHANNEL = 64;
/** Below this a second channel costs more than it brings. */
const BYTES_PER_CHANNEL = 4 * 1024 * 1024;
export const MAX_UPLOAD_CHANNELS = 4;

const SFTP_NO_SUCH_FILE = 2;
const SFTP_PERMISSION_DENIED = 3;
const SFTP_FAILURE = 4;

/** Slow links are slow: a minute, and a second for each 64 KiB. */
export function uploadTimeoutMs(sizeBytes: number): number {
  return 60_000 + (sizeBytes / (64 * 1024)) * 1000;
}

export function countUploadChannels(sizeBytes: number): number {
  return Math.max(1, Math.min(MAX_UPLOAD_CHANNELS, Math.ceil(sizeBytes / BYTES_PER_CHANNEL)));
}

export interface SizedSource {
  readonly sizeBytes: number;
  readChunk(position: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** A file or bytes, read piece by piece: memory stays the same whatever the size. */
export async function openUploadSource(source: UploadSource): Promise<SizedSource> {
  if ('bytes' in source) {
    const {bytes} = source;
    return {
      sizeBytes: bytes.byteLength,
      readChunk: async (position, length) =>
        Buffer.from(bytes.buffer, bytes.byteOffset + position, Math.min(length, bytes.byteLength - position)),
      close: async () => {},
    };
  }
  const handle: FileHandle = await open(source.path, 'r');
  const {size} = await handle.stat();
  return {
    sizeBytes: size,
    readChunk: async (position, length) => {
      const wanted = Math.min(length, size - position);
      const buffer = Buffer.allocUnsafe(wanted);
      let read = 0;
      while (read < wanted) {
        const {bytesRead} = await handle.read(buffer, read, wanted - read, position + read);
        if (bytesRead === 0) throw new Error(`${source.path} became shorter while it was read`);
        read += bytesRead;
      }
      return buffer;
    },
    close: () => handle.close(),
  };
}

/** One SFTP session; `undefined` where the device has no SFTP server. */
export async function openSftp(connection: SshConnection): Promise<SFTPWrapper | undefined> {
  try {
    return await connection.ask<SFTPWrapper>((resolve, reject) => {
      connection.client.sftp((error, sftp) => {
        if (error) {
          reject(error);
          return;
        }
        sftp.on('error', () => {});
        resolve(sftp);
      });
    });
  } catch (error) {
    if (
      error instanceof Error &&
      /subsystem|open failure|SFTP/i.test(error.message) &&
      !(error instanceof ExpectedError)
    )
      return undefined;
    throw error instanceof ExpectedError
      ? error
      : unreachableError(connection.where, 'opened no SFTP session', error);
  }
}

type SftpCallback<T> = (error: Error | null | undefined, value?: T) => void;

/** An SFTP request; it fails with the connection, and with its channel. */
function askSftp<T>(
  connection: SshConnection,
  sftp: SFTPWrapper,
  start: (callback: SftpCallback<T>) => void,
): Promise<T> {
  return connection.ask<T>((resolve, reject) => {
    const onClose = () => reject(new Error('the SFTP session ended'));
    sftp.once('close', onClose);
    start((error, value) => {
      sftp.off('close', onClose);
      if (error) reject(error);
      else resolve(value as T);
    });
  });
}

/**
 * Writes the file over the given sessions at once: the window of one channel is what limits the speed on a slow link.
 * @throws ExpectedError `disk-full`, `upload-failed`, `device-unreachable`
 */
export async function uploadOverSftp(
  connection: SshConnection,
  sessions: readonly SFTPWrapper[],
  source: SizedSource,
  remotePath: string,
  options: UploadOptions,
): Promise<void> {
  const [first, ...others] = sessions;
  if (first === undefined) throw new TypeError('an upload needs a session');
  const timeoutMs = options.timeoutMs ?? uploadTimeoutMs(source.sizeBytes);
  const state: UploadState = {sentBytes: 0, nextPosition: 0, isStopped: false};
  let hasCreated = false;
  const work = (async () => {
    const handle = await askSftp<Buffer>(connection, first, done =>
      first.open(remotePath, 'w', options.mode ?? 0o644, done),
    );
    hasCreated = true;
    const handles = await Promise.all(
      others.map(sftp => askSftp<Buffer>(connection, sftp, done => sftp.open(remotePath, 'r+', done))),
    );
    const targets = [
      {sftp: first, handle},
      ...others.map((sftp, index) => ({sftp, handle: handles[index] as Buffer})),
    ];
    if (options.mode !== undefined)
      await askSftp(connection, first, done => first.fchmod(handle, options.mode ?? 0, done));
    await Promise.all(
      targets.flatMap(target =>
        Array.from({length: REQUESTS_PER_CHANNEL}, () =>
          writeChunks(connection, target, source, state, options),
        ),
      ),
    );
    await syncFile(connection, first, handle);
    for (const target of targets)
      await askSftp(connection, target.sftp, done => target.sftp.close(target.handle, done));
    return 'written' as const;
  })();
  let failure: unknown;
  try {
    if ((await settleWithin(timeoutMs, work)) !== undefined) return;
    failure = new Error(`it took longer than ${Math.round(timeoutMs / 1000)} s`);
    work.catch(() => {});
  } catch (error) {
    failure = error;
  }
  state.isStopped = true;
  if (failure instanceof ExpectedError) throw failure;
  const freeBytes = await settleWithin(5000, readFreeBytes(connection, first, remotePath));
  if (hasCreated)
    await settleWithin(
      5000,
      askSftp(connection, first, done => first.unlink(remotePath, done)).catch(() => {}),
    );
  if (connection.isLost)
    throw unreachableError(connection.where, `was lost while ${remotePath} was written`, failure);
  if (
    codeOf(failure) === SFTP_FAILURE &&
    freeBytes !== undefined &&
    freeBytes < source.sizeBytes - state.sentBytes
  ) {
    throw diskFullError(
      connection.where,
      remotePath,
      freeBytes + (hasCreated ? state.sentBytes : 0),
      source.sizeBytes,
      failure,
    );
  }
  throw uploadFailedError(connection.where, remotePath, describeSftpError(failure), failure);
}

interface UploadState {
  sentBytes: number;
  nextPosition: number;
  isStopped: boolean;
}

async function writeChunks(
  connection: SshConnection,
  {sftp, handle}: {sftp: SFTPWrapper; handle: Buffer},
  source: SizedSource,
  state: UploadState,
  options: UploadOptions,
): Promise<void> {
  while (!state.isStopped && state.nextPosition < source.sizeBytes) {
    const position = state.nextPosition;
    state.nextPosition += CHUNK_BYTES;
    try {
      const chunk = await source.readChunk(position, CHUNK_BYTES);
      await askSftp(connection, sftp, done => sftp.write(handle, chunk, 0, chunk.length, position, done));
      state.sentBytes += chunk.length;
    } catch (error) {
      state.isStopped = true;
      throw error;
    }
    if (!state.isStopped) options.onProgress?.(state.sentBytes);
  }
}

/** A power cut must not leave a file of the right length and no content. Servers without the extension are let off. */
async function syncFile(connection: SshConnection, sftp: SFTPWrapper, handle: Buffer): Promise<void> {
  try {
    await askSftp(connection, sftp, done => sftp.ext_openssh_fsync(handle, done));
  } catch (error) {
    if (error instanceof Error && codeOf(error) === SFTP_FAILURE) throw error;
    if (connection.isLost) throw error;
  }
}

/** Free bytes of the file system that holds `remotePath`, as far as the device tells. */
async function readFreeBytes(
  connection: SshConnection,
  sftp: SFTPWrapper,
  remotePath: string,
): Promise<number | undefined> {
  const folder = remotePath.includes('/') ? remotePath.slice(0, remotePath.lastIndexOf('/')) || '/' : '.';
  try {
    const found = await askSftp<{f_frsize: number; f_bavail: number}>(connection, sftp, done =>
      sftp.ext_openssh_statvfs(folder, done as unknown as Parameters<SFTPWrapper['ext_openssh_statvfs']>[1]),
    );
    return Number(found.f_frsize) * Number(found.f_bavail);
  } catch {
    return undefined;
  }
}

/** @throws ExpectedError `no-such-file`, `download-failed`, `device-unreachable` */
export async function downloadOverSftp(
  connection: SshConnection,
  sftp: SFTPWrapper,
  remotePath: string,
): Promise<Uint8Array> {
  try {
    const handle = await askSftp<Buffer>(connection, sftp, done => sftp.open(remotePath, 'r', done));
    const {size} = await askSftp<{size: number}>(connection, sftp, done =>
      sftp.fstat(handle, done as Parameters<SFTPWrapper['fstat']>[1]),
    );
    // Files of /proc say that they are empty; they are read to their end like the rest.
    const bytes = await readToEnd(connection, sftp, handle, size);
    await askSftp(connection, sftp, done => sftp.close(handle, done));
    return bytes;
  } catch (error) {
    if (error instanceof ExpectedError) throw error;
    if (codeOf(error) === SFTP_NO_SUCH_FILE) throw noSuchFileError(connection.where, remotePath, error);
    throw downloadFailedError(connection.where, remotePath, describeSftpError(error), error);
  }
}

async function readToEnd(
  connection: SshConnection,
  sftp: SFTPWrapper,
  handle: Buffer,
  sizeBytes: number,
): Promise<Buffer> {
  const whole = Buffer.alloc(sizeBytes);
  let nextPosition = 0;
  const readInto = async (
    target: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<number> =>
    askSftp<number>(connection, sftp, done => {
      sftp.read(handle, target, offset, length, position, (error, bytesRead) => {
        // ssh2 tells the end of a file as an error in some places and as nothing in others.
        if (error && codeOf(error) === 1) done(undefined, 0);
        else done(error, bytesRead);
      });
    });
  let endPosition = sizeBytes;
  const readChunks = async () => {
    while (nextPosition < sizeBytes) {
      const position = nextPosition;
      nextPosition += CHUNK_BYTES;
      const wanted = Math.min(CHUNK_BYTES, sizeBytes - position);
      for (let read = 0; read < wanted;) {
        const bytesRead = await readInto(whole, position + read, wanted - read, position + read);
        if (bytesRead === 0) {
          endPosition = Math.min(endPosition, position + read);
          break;
        }
        read += bytesRead;
      }
    }
  };
  await Promise.all(Array.from({length: REQUESTS_PER_CHANNEL}, readChunks));
  if (endPosition < sizeBytes) return whole.subarray(0, endPosition);
  const tail: Buffer[] = [];
  for (let position = sizeBytes; ;) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const bytesRead = await readInto(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return tail.length === 0 ? whole : Buffer.concat([whole, ...tail]);
    tail.push(chunk.subarray(0, bytesRead));
    position += bytesRead;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function describeSftpError(error: unknown): string {
  switch (codeOf(error)) {
    case SFTP_NO_SUCH_FILE:
      return 'its folder does not exist';
    case SFTP_PERMISSION_DENIED:
      return 'permission denied';
    default:
      return messageOf(error);
  }
}
