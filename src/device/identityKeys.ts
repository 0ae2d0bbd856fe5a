import {createPrivateKey} from 'node:crypto';
import {readFile, stat} from 'node:fs/promises';
import type {ParsedKey} from 'ssh2';
import {messageOf} from '../errors.ts';

export type PromptPassphrase = (keyFile: string) => Promise<string | undefined>;

export type IdentityKey =
  | {readonly kind: 'ready'; readonly path: string; readonly publicBlob: Buffer; readonly key: ParsedKey}
  /** The public half is known, so that the passphrase is asked for only when the device would take the key. */
  | {readonly kind: 'locked'; readonly path: string; readonly publicBlob: Buffer; readonly text: string}
  | {readonly kind: 'unusable'; readonly path: string; readonly reason: string; readonly isMissing: boolean};

type ParseKey = (data: string | Buffer, passphrase?: string) => ParsedKey | ParsedKey[] | Error;

/** Reads one private key file without asking anyone anything. */
export async function readIdentityKey(path: string, parseKey: ParseKey): Promise<IdentityKey> {
  let text: string;
  try {
    const {mode, uid} = await stat(path);
    // As ssh does: a key of ours that others can read is no secret.
    if (uid === process.getuid?.() && (mode & 0o077) !== 0) {
      return unusable(
        path,
        `others may read it (mode ${(mode & 0o777).toString(8).padStart(4, '0')}); run chmod 600 ${path}`,
      );
    }
    text = await readFile(path, 'utf8');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return {kind: 'unusable', path, reason: isMissing ? 'no such file' : messageOf(error), isMissing};
  }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return unusable(path, 'not a private key');
  if (isEncrypted(text)) {
    const publicBlob = publicBlobOfOpenSshKey(text) ?? (await readPublicBlob(`${path}.pub`, parseKey));
    return publicBlob === undefined
      ? unusable(path, `it is encrypted and ${path}.pub is missing; write it with ssh-keygen -y -f ${path}`)
      : {kind: 'locked', path, publicBlob, text};
  }
  try {
    const key = parsePrivateKey(text, undefined, parseKey);
    return {kind: 'ready', path, publicBlob: key.getPublicSSH(), key};
  } catch (error) {
    return unusable(path, messageOf(error));
  }
}

function unusable(path: string, reason: string): IdentityKey {
  return {kind: 'unusable', path, reason, isMissing: false};
}

/** @throws Error when the passphrase is wrong or the form of the key is not known */
export function parsePrivateKey(text: string, passphrase: string | undefined, parseKey: ParseKey): ParsedKey {
  // ssh2 reads OpenSSH's own form and PKCS#1; Node reads PKCS#8, which ssh-keygen -m PKCS8 writes.
  const isPkcs8 = /-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(text);
  const parsed = isPkcs8 ? parseKey(pkcs1FromPkcs8(text, passphrase)) : parseKey(text, passphrase);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key === undefined || key instanceof Error) throw key ?? new Error('the file holds no key');
  if (!key.isPrivateKey()) throw new Error('not a private key');
  return key;
}

function pkcs1FromPkcs8(text: string, passphrase: string | undefined): string {
  const key = createPrivateKey({key: text, format: 'pem', ...(passphrase === undefined ? {} : {passphrase})});
  if (key.asymmetricKeyType === 'rsa') return key.export({type: 'pkcs1', format: 'pem'}).toString();
  if (key.asymmetricKeyType === 'ec') return key.export({type: 'sec1', format: 'pem'}).toString();
  throw new Error(`a ${key.asymmetricKeyType} key in PKCS#8 form; convert it with ssh-keygen -p -f`);
}

function isEncrypted(text: string): boolean {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----/.test(text) || /^Proc-Type: 4,ENCRYPTED/m.test(text))
    return true;
  const fields = openSshKeyFields(text);
  return fields !== undefined && fields.cipher !== 'none';
}

function publicBlobOfOpenSshKey(text: string): Buffer | undefined {
  return openSshKeyFields(text)?.publicBlob;
}

/** The public part of OpenSSH's key files stays readable when the private one is encrypted. @see PROTOCOL.key */
function openSshKeyFields(text: string): {cipher: string; publicBlob: Buffer} | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END/.exec(text)?.[1];
  if (body === undefined) return undefined;
  const bytes = Buffer.from(body, 'base64');
  let offset = 'openssh-key-v1\0'.length;
  const nextString = () => {
    const start = offset + 4;
    offset = start + bytes.readUInt32BE(offset);
    return bytes.subarray(start, offset);
  };
  try {
    const cipher = nextString().toString();
    nextString();
    nextString();
    offset += 4;
    return {cipher, publicBlob: nextString()};
  } catch {
    return undefined;
  }
}

async function readPublicBlob(path: string, parseKey: ParseKey): Promise<Buffer | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = parseKey(text);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  return key === undefined || key instanceof Error ? undefined : key.getPublicSSH();
}

const PASSPHRASE_ATTEMPTS = 3;
// A fleet shares a key: one question, however many devices are being connected to.
const unlockedKeys = new WeakMap<PromptPassphrase, Map<string, Promise<ParsedKey | string>>>();

/** The key, or why it stays locked. */
export function unlockKey(
  locked: Extract<IdentityKey, {kind: 'locked'}>,
  prompt: PromptPassphrase | undefined,
  parseKey: ParseKey,
): Promise<ParsedKey | string> {
  if (prompt === undefined)
    return Promise.resolve(
      `it is encrypted and nobody can be asked for its passphrase; run ssh-add ${locked.path}`,
    );
  const keys = unlockedKeys.get(prompt) ?? new Map<string, Promise<ParsedKey | string>>();
  unlockedKeys.set(prompt, keys);
  const known = keys.get(locked.path);
  if (known !== undefined) return known;
  const answer = askForPassphrase(locked, prompt, parseKey);
  keys.set(locked.path, answer);
  return answer;
}

async function askForPassphrase(
  locked: Extract<IdentityKey, {kind: 'locked'}>,
  prompt: PromptPassphrase,
  parseKey: ParseKey,
): Promise<ParsedKey | string> {
  for (let attempt = 0; attempt < PASSPHRASE_ATTEMPTS; attempt += 1) {
    const passphrase = await prompt(locked.path);
    if (passphrase === undefined || passphrase === '') return 'no passphrase was given';
    try {
      return parsePrivateKey(locked.text, passphrase, parseKey);
    } catch {
      // Asked again: all that is known is that this passphrase does not open the key.
    }
  }
  return 'the passphrase was wrong';
}
