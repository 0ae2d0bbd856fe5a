import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import {mkdir, open, readFile, stat} from 'node:fs/promises';
import {homedir} from 'node:os';
import {dirname, join} from 'node:path';
import type {z} from 'zod';
import {
  STATEMENT_TYPE,
  type envelopeSchema,
  type ReleaseStatement,
  type SignedEnvelope,
} from '../documents/deployment.ts';
import {preAuthenticationEncoding} from '../documents/preAuthenticationEncoding.ts';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {shownPath} from './shownPath.ts';

/** What releases are signed with. */
export interface SigningKey {
  readonly file: string;
  /** SHA-256 of the raw public key. */
  readonly keyId: string;
  /** The raw public key in base64. */
  readonly publicKey: string;
  sign(statement: ReleaseStatement): z.infer<typeof envelopeSchema>;
  /** Anything else, as JSON of a type of its own: one kind of document never passes for another. */
  signAs<Type extends string>(type: Type, document: unknown): SignedEnvelope & {payloadType: Type};
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `EDGEWISE_KEY`, or the user's configuration folder. */
export function signingKeyFile(environment: Environment = process.env): string {
  const config = environment['XDG_CONFIG_HOME'] || join(environment['HOME'] ?? homedir(), '.config');
  return environment['EDGEWISE_KEY'] || join(config, 'edgewise', 'signing-key.pem');
}

/**
 * Makes an Ed25519 key that only its owner may read; a file that is there already is never touched.
 * @throws ExpectedError `signing-key-exists`
 */
export async function createSigningKey(file: string, passphrase?: string): Promise<SigningKey> {
  const {privateKey} = generateKeyPairSync('ed25519');
  const pem = privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    ...(passphrase === undefined ? {} : {cipher: 'aes-256-cbc', passphrase}),
  });
  await mkdir(dirname(file), {recursive: true, mode: 0o700});
  let handle;
  try {
    handle = await open(file, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new ExpectedError(
      'signing-key-exists',
      `There is a signing key at ${shownPath(file)} already.`,
      EXIT.usage,
      {
        hints: ['edgewise keys show'],
        cause: error,
      },
    );
  }
  try {
    await handle.writeFile(pem);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return keyFrom(file, privateKey);
}

/**
 * The user's signing key; `null` where there is none.
 * @throws ExpectedError `signing-key-unusable` (readable by others, encrypted without a passphrase, no Ed25519 key)
 */
export async function readSigningKey(
  file: string,
  passphrase: string | undefined = process.env['EDGEWISE_KEY_PASSPHRASE'],
): Promise<SigningKey | null> {
  const stats = await stat(file).catch(() => null);
  if (stats === null) return null;
  if ((stats.mode & 0o077) !== 0)
    throw unusable(file, 'others may read it', [`chmod 600 ${shownPath(file)}`]);
  try {
    const key = createPrivateKey({
      key: await readFile(file),
      ...(passphrase === undefined ? {} : {passphrase}),
    });
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is a key of type ${key.asymmetricKeyType}`);
    return keyFrom(file, key);
  } catch (error) {
    throw unusable(file, messageOf(error), ['Set EDGEWISE_KEY_PASSPHRASE if the key has a passphrase']);
  }
}

function keyFrom(file: string, privateKey: KeyObject): SigningKey {
  const jwk = createPublicKey(privateKey).export({format: 'jwk'});
  const raw = Buffer.from(String(jwk.x), 'base64url');
  const keyId = createHash('sha256').update(raw).digest('hex');
  const signAs = <Type extends string>(payloadType: Type, document: unknown) => {
    const body = Buffer.from(JSON.stringify(document));
    const sig = sign(null, preAuthenticationEncoding(payloadType, body), privateKey);
    return {
      payloadType,
      payload: body.toString('base64'),
      signatures: [{keyid: keyId, sig: sig.toString('base64')}],
    };
  };
  return {
    file,
    keyId,
    publicKey: raw.toString('base64'),
    sign: statement => signAs(STATEMENT_TYPE, statement),
    signAs,
  };
}

function unusable(file: string, why: string, hints: readonly string[]): ExpectedError {
  return new ExpectedError(
    'signing-key-unusable',
    `The signing key ${shownPath(file)} cannot be used: ${why}.`,
    EXIT.usage,
    {hints},
  );
}
