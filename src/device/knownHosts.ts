import {createHash, createHmac} from 'node:crypto';
import {matchesPatternList} from './patterns.ts';

export interface KnownHost {
  readonly file: string;
  readonly line: number;
  readonly marker: 'none' | 'revoked' | 'cert-authority';
  /** The first field: patterns separated by commas, or one hashed name. */
  readonly hosts: string;
  readonly keyType: string;
  readonly keyBase64: string;
}

export interface HostKey {
  /** As in the key itself: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`. */
  readonly type: string;
  readonly base64: string;
}

export type HostKeyVerdict =
  | {readonly kind: 'known'; readonly entry: KnownHost}
  | {readonly kind: 'revoked'; readonly entry: KnownHost}
  | {readonly kind: 'changed'; readonly entry: KnownHost}
  | {readonly kind: 'needs-certificate'; readonly entry: KnownHost}
  | {readonly kind: 'unknown'};

/**
 * The entries of one known_hosts file; comments, blank lines and lines that are no entry are passed over, as ssh does.
 * @see sshd(8), SSH_KNOWN_HOSTS FILE FORMAT
 */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  const entries: KnownHost[] = [];
  for (const [index, rawLine] of text.split('\n').entries()) {
    const line = rawLine.trim();
    if (line === '' || line.startsWith('#')) continue;
    const fields = line.split(/[ \t]+/);
    let marker: KnownHost['marker'] = 'none';
    if (fields[0]?.startsWith('@')) {
      const word = fields.shift();
      if (word === '@revoked') marker = 'revoked';
      else if (word === '@cert-authority') marker = 'cert-authority';
      else continue;
    }
    const [hosts, keyType, keyBase64] = fields;
    if (hosts === undefined || keyType === undefined || keyBase64 === undefined) continue;
    const key = hostKeyFromBlob(Buffer.from(keyBase64, 'base64'));
    if (key === undefined || key.type !== keyType) continue;
    entries.push({file, line: index + 1, marker, hosts, keyType, keyBase64: key.base64});
  }
  return entries;
}

/** A public key in the form of the wire: its type is its first string. */
export function hostKeyFromBlob(blob: Buffer): HostKey | undefined {
  if (blob.length < 4) return undefined;
  const typeLength = blob.readUInt32BE(0);
  if (typeLength === 0 || 4 + typeLength >= blob.length) return undefined;
  return {type: blob.toString('latin1', 4, 4 + typeLength), base64: blob.toString('base64')};
}

/** The name a host goes by in known_hosts: the port is part of it unless it is 22. */
export function lookupNameOf(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

export function matchesHosts(hosts: string, name: string): boolean {
  if (hosts.startsWith('|')) {
    const [, version, saltBase64, hashBase64] = hosts.split('|');
    if (version !== '1' || saltBase64 === undefined || hashBase64 === undefined) return false;
    return hashName(name, Buffer.from(saltBase64, 'base64')) === hashBase64;
  }
  return matchesPatternList(name, hosts.toLowerCase().split(','));
}

function hashName(name: string, salt: Buffer): string {
  return createHmac('sha1', salt).update(name).digest('base64');
}

/**
 * What the files say about a host that shows `key`. `names` are tried in order (with its port, then without): the
 * later ones only ever confirm a key. A key of another type than those on file counts as changed: we ask for the
 * types on file first, so the host no longer has them.
 */
export function judgeHostKey(
  entries: readonly KnownHost[],
  names: readonly string[],
  key: HostKey,
): HostKeyVerdict {
  const matching = names.map(name => entries.filter(entry => matchesHosts(entry.hosts, name)));
  const revoked = matching.flat().find(entry => entry.marker === 'revoked' && entry.keyBase64 === key.base64);
  if (revoked) return {kind: 'revoked', entry: revoked};
  const plain = matching.map(list => list.filter(entry => entry.marker === 'none'));
  const known = plain.flat().find(entry => entry.keyBase64 === key.base64);
  if (known) return {kind: 'known', entry: known};
  const first = plain[0] ?? [];
  const changed = first.find(entry => entry.keyType === key.type) ?? first[0];
  if (changed) return {kind: 'changed', entry: changed};
  const authority = matching[0]?.find(entry => entry.marker === 'cert-authority');
  return authority ? {kind: 'needs-certificate', entry: authority} : {kind: 'unknown'};
}

/** Key types on file for the host, to be asked for first. */
export function knownKeyTypes(entries: readonly KnownHost[], names: readonly string[]): string[] {
  const types = names.flatMap(name =>
    entries
      .filter(entry => entry.marker === 'none' && matchesHosts(entry.hosts, name))
      .map(entry => entry.keyType),
  );
  return [...new Set(types)];
}

/** A line for known_hosts, without its line feed; with `salt` (20 bytes) the name is hashed. */
export function formatKnownHost(name: string, key: HostKey, salt?: Buffer): string {
  const hosts = salt === undefined ? name : `|1|${salt.toString('base64')}|${hashName(name, salt)}`;
  return `${hosts} ${key.type} ${key.base64}`;
}

/** As `ssh-keygen -lf` prints it. */
export function fingerprintOf(keyBase64: string): string {
  const digest = createHash('sha256').update(Buffer.from(keyBase64, 'base64')).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}
