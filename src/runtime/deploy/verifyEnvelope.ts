import {createHash, createPublicKey, verify} from 'node:crypto';
import {
  anyEnvelopeSchema,
  STATEMENT_TYPE,
  statementSchema,
  type Ledger,
  type ReleaseStatement,
} from '../../documents/deployment.ts';
import {preAuthenticationEncoding} from '../../documents/preAuthenticationEncoding.ts';
import {EXIT, ExpectedError} from '../../errors.ts';

const ED25519_KEY_BYTES = 32;

/** As it came: nothing in it is known to be of any form yet. */
export interface SignedRelease {
  readonly envelope: unknown;
  /** The raw Ed25519 key in base64; only looked at where none is pinned yet. */
  readonly publicKey: string;
}

/**
 * What was signed, once the signature is known to be by the pinned key (at first contact: by the key that came along).
 * @throws ExpectedError `signature-invalid`, `signing-key-foreign`
 */
export function verifyEnvelope(
  {envelope, publicKey}: SignedRelease,
  pinned: Pick<Ledger, 'publicKey'>,
): ReleaseStatement {
  const result = statementSchema.safeParse(
    signedJsonFrom(envelope, STATEMENT_TYPE, pinned.publicKey ?? publicKey),
  );
  if (!result.success) throw invalid('its statement is of another form');
  return result.data;
}

/**
 * The JSON in an envelope of that type, once its signature is known to be by the key.
 * @throws ExpectedError `signature-invalid`, `signing-key-foreign`
 */
export function signedJsonFrom(envelope: unknown, type: string, key: string): unknown {
  const parsed = anyEnvelopeSchema.safeParse(envelope);
  if (!parsed.success || parsed.data.payloadType !== type) throw invalid('its envelope is not one');
  const {payloadType, payload, signatures} = parsed.data;
  const keyId = keyIdOf(key);
  const own = signatures.filter(({keyid}) => keyid === keyId);
  if (own.length === 0) {
    throw new ExpectedError(
      'signing-key-foreign',
      `The release is signed by ${signatures.map(({keyid}) => keyid.slice(0, 16)).join(', ')}; this device trusts ${keyId.slice(0, 16)} only.`,
      EXIT.unreachable,
      {hints: ['edgewise push PLAN --pin-again']},
    );
  }
  const body = Buffer.from(payload, 'base64');
  const signed = preAuthenticationEncoding(payloadType, body);
  if (!own.some(({sig}) => verify(null, signed, keyFromRaw(key), Buffer.from(sig, 'base64'))))
    throw invalid('its signature is not over what it holds');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw invalid('its statement is not JSON');
  }
}

function keyFromRaw(publicKey: string) {
  const raw = Buffer.from(publicKey, 'base64');
  if (raw.length !== ED25519_KEY_BYTES) throw invalid('its key is no Ed25519 key');
  return createPublicKey({key: {kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url')}, format: 'jwk'});
}

/** SHA-256 of the raw public key, as in the envelope's `keyid`. */
export function keyIdOf(publicKey: string): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex');
}

function invalid(why: string): ExpectedError {
  return new ExpectedError(
    'signature-invalid',
    `The release is not accepted: ${why}.`,
    EXIT.invalidDocument,
    {
      hints: ['Push the plan again from a machine that you trust'],
    },
  );
}
