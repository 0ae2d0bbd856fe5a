import type {SFTPWrapper} from 'ssh2';
import {lastLines} from '../commandOutput.ts';
import type {Opened} from '../sshConnection.ts';
import type {SshProcess} from './startSsh.ts';

/** What ssh2's SFTP client asks of the SSH connection it thinks it runs on. */
interface SftpClientParts {
  new (
    client: {
      readonly _protocol: {channelData(id: number, data: Buffer): void; channelClose(id: number): void};
    },
    channel: {readonly type: string; readonly incoming: object; readonly outgoing: object},
    options: object,
  ): SFTPWrapper & {_init(): void; push(data: Buffer | null): void};
}

/**
 * ssh2's SFTP client over the pipes of `ssh -s … sftp`: it is written for a channel of its own connection, of which this
 * gives it one that is always open and never full. Its inside is no public interface of ssh2; the tests with a real sshd
 * hold it.
 */
export async function openSftpOverProcess(child: SshProcess, opened: Opened<SFTPWrapper>): Promise<void> {
  // @ts-expect-error the file has no types
  const {SFTP} = (await import('ssh2/lib/protocol/SFTP.js')) as {SFTP: SftpClientParts};
  const sftp = new SFTP(
    {
      _protocol: {
        channelData: (_id, data) => void child.stdin.write(data),
        channelClose: () => void child.stdin.end(),
      },
    },
    {
      type: 'sftp',
      incoming: {id: 0, state: 'open', window: Infinity, packetSize: Infinity},
      outgoing: {id: 0, state: 'open', window: Infinity, packetSize: Infinity},
    },
    {},
  );
  let said = '';
  let isReady = false;
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  child.stdout.on('data', (chunk: Buffer) => sftp.push(chunk));
  void child.ended.then(() => {
    sftp.push(null);
    sftp.emit('close');
    if (!isReady) opened(new Error(lastLines(said) || 'the SFTP session ended'), sftp);
  });
  sftp.once('ready', () => {
    isReady = true;
    opened(undefined, sftp);
  });
  sftp.on('error', () => child.kill('SIGTERM'));
  sftp._init();
}
