import {generateKeyPairSync, randomBytes} from 'node:crypto';
import {existsSync} from 'node:fs';
import {chmod, mkdir, readFile, writeFile} from 'node:fs/promises';
import {dirname} from 'node:path';

export interface KeyPair {
  /** OpenSSH form, as ssh-keygen writes it. */
  readonly privateKey: string;
  /** One line of an authorized_keys file. */
  readonly publicKey: string;
}

/**
 * A new Ed25519 key pair without a passphrase. ssh2's own generator is not used: now and then, depending on the bytes of
 * the key, it writes one that cannot be read back.
 */
export function createKeyPair(comment: string): KeyPair {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({format: 'jwk'});
  const [seed, point] = [jwk.d, jwk.x].map(part => Buffer.from(part ?? '', 'base64url'));
  if (seed?.length !== 32 || point?.length !== 32) throw new Error('an Ed25519 key has 32 and 32 bytes');
  const publicBlob = Buffer.concat([sshString(KEY_TYPE), sshString(point)]);
  const check = randomBytes(4);
  const secret = Buffer.concat([
    ...[check, check, publicBlob, sshString(Buffer.concat([seed, point])), sshString(comment)],
  ]);
  const padding = Buffer.from(Array.from({length: (8 - (secret.length % 8)) % 8}, (_, index) => index + 1));
  // The layout is OpenSSH's PROTOCOL.key: no cipher, no key derivation, one key.
  const one = Buffer.from([0, 0, 0, 1]);
  const blob = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), sshString('none'), sshString('none'), sshString(''), one],
    ...[sshString(publicBlob), sshString(Buffer.concat([secret, padding]))],
  ]);
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return {
    privateKey: [
      '-----BEGIN OPENSSH PRIVATE KEY-----',
      ...lines,
      '-----END OPENSSH PRIVATE KEY-----',
      '',
    ].join('\n'),
    publicKey: `${KEY_TYPE} ${publicBlob.toString('base64')} ${comment}`,
  };
}

const KEY_TYPE = 'ssh-ed25519';

function sshString(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The key pair at `path` and `path`.pub, made on first use and kept: known_hosts entries stay true across restarts. */
export async function readOrCreateKeyPair(path: string, comment: string): Promise<KeyPair> {
  if (existsSync(path) && existsSync(`${path}.pub`)) {
    return {
      privateKey: await readFile(path, 'utf8'),
      publicKey: (await readFile(`${path}.pub`, 'utf8')).trim(),
    };
  }
  const pair = createKeyPair(comment);
  await mkdir(dirname(path), {recursive: true, mode: 0o700});
  await writeFile(path, pair.privateKey, {mode: 0o600});
  // A file that was there keeps its mode when it is overwritten; ssh refuses a key that others can read.
  await chmod(path, 0o600);
  await writeFile(`${path}.pub`, `${pair.publicKey}\n`, {mode: 0o600});
  return pair;
}
