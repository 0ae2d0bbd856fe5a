import type {SFTPWrapper} from 'ssh2';
import {ExpectedError, messageOf} from '../errors.ts';
import {unreachableError} from './deviceErrors.ts';
import {openChannel} from './sshChannel.ts';
import type {SshConnection} from './sshConnection.ts';

/** Status codes of SFTP version 3. @see draft-ietf-secsh-filexfer-02, section 7 */
export const SFTP_STATUS = {endOfFile: 1, noSuchFile: 2, permissionDenied: 3, failure: 4} as const;

const OPENING_MS = 30_000;

type SftpCallback<T> = (error: Error | null | undefined, value?: T) => void;

/** One SFTP channel whose requests fail when it ends: ssh2 forgets them otherwise. */
export class SftpSession {
  readonly #connection: SshConnection;
  readonly #sftp: SFTPWrapper;
  readonly #waiting = new Set<(error: Error) => void>();
  #hasEnded = false;

  constructor(connection: SshConnection, sftp: SFTPWrapper) {
    this.#connection = connection;
    this.#sftp = sftp;
    sftp.on('error', () => {});
    sftp.once('close', () => {
      this.#hasEnded = true;
      for (const reject of this.#waiting) reject(new Error('the SFTP session ended'));
      this.#waiting.clear();
    });
  }

  ask<T = void>(start: (sftp: SFTPWrapper, callback: SftpCallback<T>) => void): Promise<T> {
    return this.#connection.ask<T>((resolve, reject) => {
      if (this.#hasEnded) {
        reject(new Error('the SFTP session ended'));
        return;
      }
      this.#waiting.add(reject);
      start(this.#sftp, (error, value) => {
        this.#waiting.delete(reject);
        if (error) reject(error);
        else resolve(value as T);
      });
    });
  }

  end(): void {
    this.#sftp.end();
  }
}

/**
 * An SFTP session; `undefined` where the device has no SFTP server.
 * @throws ExpectedError `device-unreachable`
 */
export async function openSftpSession(connection: SshConnection): Promise<SftpSession | undefined> {
  let sftp: SFTPWrapper | undefined;
  try {
    sftp = await openChannel<SFTPWrapper>(
      connection,
      OPENING_MS,
      callback => connection.openSftp(callback),
      late => late.end(),
    );
  } catch (error) {
    if (error instanceof ExpectedError) throw error;
    if (/subsystem/i.test(messageOf(error))) return undefined;
    throw unreachableError(connection.where, `opened no SFTP session: ${messageOf(error)}`, error);
  }
  if (sftp === undefined)
    throw unreachableError(connection.where, `opened no SFTP session within ${OPENING_MS / 1000} s`);
  return new SftpSession(connection, sftp);
}

export function sftpStatusOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

export function describeSftpError(error: unknown): string {
  switch (sftpStatusOf(error)) {
    case SFTP_STATUS.noSuchFile:
      return 'its folder does not exist';
    case SFTP_STATUS.permissionDenied:
      return 'permission denied';
    default:
      return messageOf(error);
  }
}
