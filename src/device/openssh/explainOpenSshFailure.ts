import {readFile} from 'node:fs/promises';
import {EXIT, ExpectedError} from '../../errors.ts';
import {authenticationRefusedError} from '../authentication.ts';
import {unreachableError} from '../deviceErrors.ts';
import {fingerprintOf} from '../knownHosts.ts';

interface Failed {
  readonly where: string;
  readonly user: string;
  /** The first is where new keys go. */
  readonly knownHostsFiles: readonly string[];
}

/** Failures from before anything was asked of the host: a full MaxStartups drops connections at random. */
export function isPassingFailure(said: string): boolean {
  return /kex_exchange_identification: (read: Connection reset|Connection closed)|Connection timed out during banner/i.test(
    said,
  );
}

/** What `ssh -v` said before it gave up, as one of edgewise's own errors. */
export async function explainOpenSshFailure(said: string, failed: Failed): Promise<ExpectedError> {
  const {where, user} = failed;
  const lines = said.split(/\r?\n/).filter(line => line !== '');
  const plain = lines.filter(line => !line.startsWith('debug'));
  const last = (plain.at(-1) ?? 'it said nothing').replace(/\.$/, '');
  if (/Host key verification failed|key has been revoked|HOST IDENTIFICATION HAS CHANGED/i.test(said))
    return explainHostKeyFailure(said, failed);
  if (/Permission denied|Too many authentication failures|No supported authentication/i.test(last))
    return authenticationRefusedError(where, user, attemptsOf(lines), new Error(last));
  if (/no matching|Unable to negotiate/i.test(last)) {
    return new ExpectedError(
      'ssh-algorithms-unsupported',
      `${where} and the ssh of this machine have no algorithm in common: ${last}.`,
      EXIT.unreachable,
      {hints: ['Update the SSH server of the device', 'ssh -Q kex']},
    );
  }
  return unreachableError(where, `cannot be reached: ${last.replace(/^ssh: /, '')}`, new Error(last));
}

async function explainHostKeyFailure(said: string, failed: Failed): Promise<ExpectedError> {
  const {where, knownHostsFiles} = failed;
  const [, type = '', fingerprint = ''] = /Server host key: (\S+) (SHA256:\S+)/.exec(said) ?? [];
  const shown = `${shortType(type)} key ${fingerprint}`;
  if (/revoked/i.test(said)) {
    const entry = await findEntry(knownHostsFiles, fingerprint, true);
    return new ExpectedError(
      'host-key-revoked',
      `${where} shows the ${shown}, which ${entry ?? 'known_hosts'} marks as revoked.`,
      EXIT.unreachable,
      {hints: ['Give the device a new host key: ssh-keygen -A after deleting /etc/ssh/ssh_host_*']},
    );
  }
  const offending = /Offending (\S+) key in (.+):(\d+)/.exec(said);
  if (offending !== null) {
    const [, oldType, file = '', line = ''] = offending;
    const old = await readEntry(file, Number(line));
    return new ExpectedError(
      'host-key-changed',
      `${where} shows the ${shown}, but ${file}:${line} has its ${oldType} key ${old ?? ''}: ` +
        'the device was set up anew, or someone sits in between.',
      EXIT.unreachable,
      {
        hints: [
          `If the device was set up anew, remove line ${line} of ${file} and repeat with --accept-new-host-keys`,
        ],
      },
    );
  }
  return new ExpectedError(
    'host-key-unknown',
    `${where} shows the ${shown}, and no key of it is on file; compare it with the device's own before you accept it.`,
    EXIT.unreachable,
    {hints: [`Repeat with --accept-new-host-keys to add it to ${knownHostsFiles[0] ?? 'known_hosts'}`]},
  );
}

/** Keys that were offered, and those that could not be. */
function attemptsOf(lines: readonly string[]): string[] {
  return lines.flatMap(line => {
    const offered = /Offering public key: (.+) \S+ (SHA256:\S+)/.exec(line);
    if (offered !== null) return [`${offered[1]} (${offered[2]}): not taken`];
    const missing = /Identity file (.+) not accessible: No such file or directory/.exec(line);
    if (missing !== null) return [`${missing[1]}: no such file`];
    const open = /Permissions (\d+) for '(.+)' are too open/.exec(line);
    if (open !== null) return [`${open[2]}: its permissions ${open[1]} let others read it`];
    return [];
  });
}

async function readEntry(file: string, line: number): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return fingerprintOfLine(text.split('\n')[line - 1] ?? '');
}

async function findEntry(
  files: readonly string[],
  fingerprint: string,
  isRevoked: boolean,
): Promise<string | null> {
  for (const file of files) {
    const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
    const at = lines.findIndex(
      line => line.startsWith('@revoked') === isRevoked && fingerprintOfLine(line) === fingerprint,
    );
    if (at >= 0) return `${file}:${at + 1}`;
  }
  return null;
}

function fingerprintOfLine(line: string): string | null {
  const fields = line.replace(/^@\S+\s+/, '').split(/\s+/);
  return fields[2] === undefined ? null : fingerprintOf(fields[2]);
}

function shortType(keyType: string): string {
  return keyType.startsWith('ecdsa-') ? 'ECDSA' : keyType.replace(/^ssh-/, '').toUpperCase();
}
