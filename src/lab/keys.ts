import {existsSync} from 'node:fs';
import {chmod, mkdir, readFile, writeFile} from 'node:fs/promises';
import {dirname} from 'node:path';

export interface KeyPair {
  /** OpenSSH form, as ssh-keygen writes it. */
  readonly privateKey: string;
  /** One line of an authorized_keys file. */
  readonly publicKey: string;
}

/** A new Ed25519 key pair without a passphrase. */
export async function createKeyPair(comment: string): Promise<KeyPair> {
  const {default: ssh2} = await import('ssh2');
  const pair = ssh2.utils.generateKeyPairSync('ed25519', {comment});
  return {privateKey: pair.private, publicKey: pair.public};
}

/** The key pair at `path` and `path`.pub, made on first use and kept: known_hosts entries stay true across restarts. */
export async function readOrCreateKeyPair(path: string, comment: string): Promise<KeyPair> {
  if (existsSync(path) && existsSync(`${path}.pub`)) {
    return {
      privateKey: await readFile(path, 'utf8'),
      publicKey: (await readFile(`${path}.pub`, 'utf8')).trim(),
    };
  }
  const pair = await createKeyPair(comment);
  await mkdir(dirname(path), {recursive: true, mode: 0o700});
  await writeFile(path, pair.privateKey, {mode: 0o600});
  // A file that was there keeps its mode when it is overwritten; ssh refuses a key that others can read.
  await chmod(path, 0o600);
  await writeFile(`${path}.pub`, `${pair.publicKey}\n`, {mode: 0o600});
  return pair;
}
