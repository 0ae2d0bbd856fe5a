import {EXIT, ExpectedError} from '../errors.ts';
import type {EmitEvent} from '../events.ts';
import {shownPath} from '../workspace/shownPath.ts';
import {createSigningKey, readSigningKey, signingKeyFile, type SigningKey} from '../workspace/signingKey.ts';

export interface KeyFacts {
  readonly file: string;
  /** SHA-256 of the public key; devices name the key they trust by it. */
  readonly keyId: string;
  /** Raw Ed25519 key, base64. */
  readonly publicKey: string;
}

function factsOf({file, keyId, publicKey}: SigningKey): KeyFacts {
  return {file, keyId, publicKey};
}

/** @throws ExpectedError `signing-key-exists` */
export async function createKeys(passphrase: string | undefined): Promise<KeyFacts> {
  return factsOf(await createSigningKey(signingKeyFile(), passphrase));
}

/** @throws ExpectedError `signing-key-missing`, `signing-key-unusable` */
export async function showKeys(): Promise<KeyFacts> {
  const file = signingKeyFile();
  const key = await readSigningKey(file);
  if (key !== null) return factsOf(key);
  throw new ExpectedError(
    'signing-key-missing',
    `There is no signing key at ${shownPath(file)}.`,
    EXIT.usage,
    {
      hints: ['edgewise keys create'],
    },
  );
}

/** The key that releases are signed with. The first push makes one: an unsigned release does not exist. */
export async function requireSigningKey(emit: EmitEvent): Promise<SigningKey> {
  const file = signingKeyFile();
  const known = await readSigningKey(file);
  if (known !== null) return known;
  const key = await createSigningKey(file);
  emit({
    kind: 'note',
    level: 'info',
    text: `made the signing key ${shownPath(file)}; devices will trust it (${key.keyId.slice(0, 16)}) from now on`,
  });
  return key;
}
