import {createHash, generateKeyPairSync, sign} from 'node:crypto';
import {existsSync} from 'node:fs';
import {mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {ReleaseStatement, SignedEnvelope} from '../../src/documents/deployment.ts';
import {preAuthenticationEncoding} from '../../src/documents/preAuthenticationEncoding.ts';
import {jsonFromDocument} from '../../src/documents/printDocument.ts';
import type {Release} from '../../src/documents/release.ts';
import {manifestFromRelease} from '../../src/documents/releaseManifest.ts';
import {ExpectedError} from '../../src/errors.ts';
import {admitRelease, type AdmitOptions} from '../../src/runtime/deploy/admitRelease.ts';
import {readLedger, withConfirmed, writeLedger} from '../../src/runtime/deploy/deviceLedger.ts';
import {createSigningKey, type SigningKey} from '../../src/workspace/signingKey.ts';
import {spec} from './agentHome.ts';

const digestOf = (bytes: Uint8Array | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const RUNTIME = 'a'.repeat(64);
const PLAN = digestOf('plan');

let home: string;
let key: SigningKey;
let other: SigningKey;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'edgewise-trust-'));
  await mkdir(join(home, 'blobs/sha256'), {recursive: true});
  await mkdir(join(home, 'locks'));
  await writeFile(join(home, 'locks/7'), 'me 999999999 boot\n');
  key = await createSigningKey(join(home, 'key.pem'));
  other = await createSigningKey(join(home, 'other.pem'));
});
afterEach(() => rm(home, {recursive: true, force: true}));

const blob = (digest: string): string => join(home, 'blobs/sha256', digest.slice(7));
async function put(bytes: Uint8Array | string): Promise<string> {
  const digest = digestOf(bytes);
  await writeFile(blob(digest), bytes);
  return digest;
}

interface Made {
  release: Release;
  manifest: string;
  statement: ReleaseStatement;
  weights: string;
}

const WEIGHTS = Buffer.alloc(100_000, 'w');

/** A right release with its blobs in place; `change` may touch what goes into document, manifest and statement. */
async function make(
  change: {
    files?: (files: Release['files']) => Release['files'];
    release?: Partial<Release>;
    manifest?: (text: string) => string;
    statement?: Partial<Record<keyof ReleaseStatement, unknown>>;
    document?: (text: string) => string;
  } = {},
): Promise<Made> {
  const weights = await put(WEIGHTS);
  const files = [{path: 'weights', digest: weights, sizeBytes: WEIGHTS.byteLength}];
  const release: Release = {
    kind: 'edgewise/release',
    formatVersion: 1,
    madeBy: 'test',
    madeAt: '2026-01-01T00:00:00Z',
    madeFrom: {},
    id: '0123456789abcdef',
    device: 'pi-7',
    plan: PLAN,
    runtime: `sha256:${RUNTIME}`,
    endpoint: {port: 8600},
    model: {name: 'net', inputs: [spec('x')], outputs: [spec('y')]},
    threads: 1,
    files: change.files?.(files) ?? files,
    ...change.release,
  };
  const text = jsonFromDocument('release', release);
  const document = change.document?.(text) ?? text;
  const documentDigest = await put(document);
  const plain = manifestFromRelease(
    release,
    {digest: documentDigest, sizeBytes: Buffer.byteLength(document)},
    release.files,
  );
  const manifest = change.manifest?.(plain) ?? plain;
  const statement = {
    kind: 'edgewise/release-statement',
    formatVersion: 1,
    release: release.id,
    manifest: await put(manifest),
    plan: PLAN,
    device: 'pi-7',
    architecture: process.arch,
    counter: 10,
    ...change.statement,
  } as ReleaseStatement;
  return {release, manifest, statement, weights};
}

const admit = (envelope: unknown, options: Partial<AdmitOptions> = {}, publicKey = key.publicKey) =>
  admitRelease(
    home,
    {envelope, publicKey},
    {fence: 7, runtimeHex: RUNTIME, pinsAgain: false, takesBad: false, ...options},
  );

/** A device that knows its key, its name and a release with this number. */
async function pin(counter = 5): Promise<void> {
  const ledger = {...(await readLedger(home)), publicKey: key.publicKey, device: 'pi-7'};
  await writeLedger(home, withConfirmed(ledger, {transaction: 't', release: 'f'.repeat(16), counter}));
}

function resigned(
  payload: Buffer,
  payloadType: string,
  {keyId, sign: signWith}: {keyId: string; sign: (bytes: Uint8Array) => Buffer},
) {
  const sig = signWith(preAuthenticationEncoding(payloadType, payload));
  return {
    payloadType,
    payload: payload.toString('base64'),
    signatures: [{keyid: keyId, sig: sig.toString('base64')}],
  };
}

const flip = (text: string, position: number): string => {
  const bytes = Buffer.from(text, 'base64');
  bytes[position % bytes.length]! ^= 1;
  return bytes.toString('base64');
};

type Attack = () => Promise<unknown>;
const enveloped =
  (change: (envelope: SignedEnvelope) => unknown): Attack =>
  async () => {
    await pin();
    return admit(change(key.sign((await make()).statement)));
  };
const made =
  (change: Parameters<typeof make>[0]): Attack =>
  async () => {
    await pin();
    return admit(key.sign((await make(change)).statement));
  };
const spoiled =
  (spoil: (parts: Made) => Promise<unknown>): Attack =>
  async () => {
    await pin();
    const parts = await make();
    await spoil(parts);
    return admit(key.sign(parts.statement));
  };
const path = (name: string): Attack => made({files: files => files.map(file => ({...file, path: name}))});

const ATTACKS: Readonly<Record<string, Attack>> = {
  'no envelope at all': enveloped(() => null),
  'an envelope without signatures': enveloped(envelope => ({...envelope, signatures: []})),
  'a hundred signatures': enveloped(envelope => ({
    ...envelope,
    signatures: Array.from({length: 100}, () => envelope.signatures[0]),
  })),
  'a flipped bit at the start of the payload': enveloped(envelope => ({
    ...envelope,
    payload: flip(envelope.payload, 0),
  })),
  'a flipped bit in the midst of the payload': enveloped(envelope => ({
    ...envelope,
    payload: flip(envelope.payload, 100),
  })),
  'a flipped bit in the signature': enveloped(envelope => ({
    ...envelope,
    signatures: envelope.signatures.map(one => ({...one, sig: flip(one.sig, 12)})),
  })),
  'a signature cut short': enveloped(envelope => ({
    ...envelope,
    signatures: envelope.signatures.map(one => ({...one, sig: one.sig.slice(0, 40)})),
  })),
  'an empty signature': enveloped(envelope => ({
    ...envelope,
    signatures: envelope.signatures.map(one => ({...one, sig: ''})),
  })),
  'a payload cut short': enveloped(envelope => ({...envelope, payload: envelope.payload.slice(0, 80)})),
  'an empty payload': enveloped(envelope => ({...envelope, payload: ''})),
  'a payload that is no base64': enveloped(envelope => ({...envelope, payload: '***'})),
  'another payload type': enveloped(envelope => ({...envelope, payloadType: 'application/json'})),
  'an additional field in the envelope': enveloped(envelope => ({...envelope, trusted: true})),
  'the signature of another statement': async () => {
    await pin();
    const {statement} = await make();
    const envelope = key.sign(statement);
    const second = key.sign({...statement, counter: 11});
    return admit({...envelope, signatures: second.signatures});
  },
  'a signature over the payload without its type': async () => {
    await pin();
    const {privateKey, publicKey} = generateKeyPairSync('ed25519');
    const raw = Buffer.from(String(publicKey.export({format: 'jwk'}).x), 'base64url');
    await writeLedger(home, {...(await readLedger(home)), publicKey: raw.toString('base64')});
    const payload = Buffer.from(JSON.stringify((await make()).statement));
    const envelope = resigned(payload, 'application/vnd.edgewise.release-statement.v1+json', {
      keyId: createHash('sha256').update(raw).digest('hex'),
      sign: () => sign(null, payload, privateKey),
    });
    return admit(envelope);
  },
  'a foreign key': async () => {
    await pin();
    return admit(other.sign((await make()).statement), {}, other.publicKey);
  },
  'a foreign key under the name of the pinned one': async () => {
    await pin();
    const envelope = other.sign((await make()).statement);
    return admit({...envelope, signatures: envelope.signatures.map(one => ({...one, keyid: key.keyId}))});
  },
  'the pinned key offered anew with a foreign signature': async () => {
    await pin();
    return admit(other.sign((await make()).statement), {}, key.publicKey);
  },
  'a key that is too short, at first contact': async () =>
    admit(key.sign((await make()).statement), {}, Buffer.alloc(16).toString('base64')),
  'another key than the one that signed, at first contact': async () =>
    admit(key.sign((await make()).statement), {}, other.publicKey),
  'a lower number': made({statement: {counter: 4}}),
  'a lower number with an old permission': made({
    statement: {counter: 4, downgrade: {challenge: 'first'}},
  }),
  'a permission to go down that was used before': async () => {
    await pin();
    const {challenge} = await readLedger(home);
    const {statement} = await make({statement: {counter: 4, downgrade: {challenge}}});
    await pin(6);
    return admit(key.sign(statement));
  },
  'a negative number': made({statement: {counter: -1}}),
  'a number that is none': made({statement: {counter: 'many'}}),
  'another device': made({statement: {device: 'pi-8'}, release: {device: 'pi-8'}}),
  'another processor': made({statement: {architecture: process.arch === 'x64' ? 'arm64' : 'x64'}}),
  'a processor that does not exist': made({statement: {architecture: 'z80'}}),
  'a statement of another kind': made({statement: {kind: 'edgewise/plan'}}),
  'a statement of another version': made({statement: {formatVersion: 2}}),
  'a statement with more to say': made({statement: {admin: true} as never}),
  'another plan in the statement': made({statement: {plan: digestOf('other plan')}}),
  'another release in the statement': made({statement: {release: 'fedcba9876543210'}}),
  'a release name that leads elsewhere': made({statement: {release: '../../etc'}}),
  'another runtime': made({release: {runtime: `sha256:${'b'.repeat(64)}`}}),
  'a release that was taken back here': async () => {
    await pin();
    const {statement} = await make();
    await writeLedger(home, {
      ...(await readLedger(home)),
      bad: [{release: statement.release, kind: 'unhealthy', reason: 'it was slow'}],
    });
    return admit(key.sign(statement));
  },
  'a manifest that was changed after signing': spoiled(({statement, manifest}) =>
    writeFile(blob(statement.manifest), manifest.replace('pi-7', 'pi-9')),
  ),
  'a manifest that is missing': spoiled(({statement}) => rm(blob(statement.manifest))),
  'a manifest that is a link': spoiled(async ({statement, manifest}) => {
    await rm(blob(statement.manifest));
    await writeFile(join(home, 'elsewhere'), manifest);
    await symlink(join(home, 'elsewhere'), blob(statement.manifest));
  }),
  'a manifest without end': spoiled(({statement}) => truncate(blob(statement.manifest), 2 ** 33)),
  'a manifest that is no JSON': made({manifest: () => 'manifest'}),
  'a manifest of another type': made({manifest: text => text.replace('image.manifest', 'image.index')}),
  'a manifest that names other files than the document': made({
    manifest: text => text.replace('"weights"', '"weight"'),
  }),
  'a manifest that leaves a file out': made({
    manifest: text => JSON.stringify({...(JSON.parse(text) as object), layers: []}),
  }),
  'a document that is no release': made({document: () => '{"kind": "edgewise/plan"}'}),
  'a document with another id': made({
    document: text => text.replace('0123456789abcdef', '0123456789abcdee'),
  }),
  'weights with a flipped bit': spoiled(({weights}) => {
    const bytes = Buffer.from(WEIGHTS);
    bytes[50_000]! ^= 1;
    return writeFile(blob(weights), bytes);
  }),
  'weights cut short': spoiled(({weights}) => truncate(blob(weights), 99_999)),
  'weights with more at their end': spoiled(({weights}) =>
    writeFile(blob(weights), Buffer.concat([WEIGHTS, Buffer.from('more')])),
  ),
  'weights without end': spoiled(({weights}) => truncate(blob(weights), 2 ** 33)),
  'weights that are missing': spoiled(({weights}) => rm(blob(weights))),
  'weights that are a link': spoiled(async ({weights}) => {
    await writeFile(join(home, 'elsewhere'), WEIGHTS);
    await rm(blob(weights));
    await symlink(join(home, 'elsewhere'), blob(weights));
  }),
  'weights that are a folder': spoiled(async ({weights}) => {
    await rm(blob(weights));
    await mkdir(blob(weights));
  }),
  'a path upwards': path('../current'),
  'a path upwards in its midst': path('a/../../b'),
  'an absolute path': path('/etc/passwd'),
  'a path with an empty part': path('a//b'),
  'a path of a dot': path('./a'),
  'an empty path': path(''),
  'a path with a line break': path('a\nb'),
  'a path with a zero byte': path('a\0b'),
  'a path with a backslash': path('a\\..\\b'),
  'a path that is too long': path('a'.repeat(2000)),
  'a path that is too deep': path('a/'.repeat(20) + 'a'),
  'a file in place of the document': path('release.json'),
  'a file in place of the envelope': path('envelope.json'),
  'the same path twice': made({files: files => [...files, ...files]}),
  'a file whose size is said wrong': made({
    files: files => files.map(file => ({...file, sizeBytes: 99})),
  }),
  'a lock that another controller has taken': async () => {
    await pin();
    await writeFile(join(home, 'locks/8'), 'another 999999999 boot\n');
    return admit(key.sign((await make()).statement));
  },
  'a lock that was given back': async () => {
    await pin();
    await writeFile(join(home, 'locks/7'), '- 0 boot\n');
    return admit(key.sign((await make()).statement));
  },
};

describe('a device accepts', () => {
  it('a right release, at first contact and again, and pins key and name', async () => {
    const envelope = key.sign((await make()).statement);
    await expect(admit(envelope)).resolves.toEqual({release: '0123456789abcdef', counter: 10});
    expect(await readLedger(home)).toMatchObject({publicKey: key.publicKey, device: 'pi-7'});
    await expect(admit(envelope)).resolves.toMatchObject({counter: 10});
    expect(await readFile(join(home, 'releases/0123456789abcdef/weights'))).toEqual(WEIGHTS);
  });

  it('a lower number with the permission of this very moment', async () => {
    await pin();
    const {challenge} = await readLedger(home);
    const {statement} = await make({statement: {counter: 4, downgrade: {challenge}}});
    await expect(admit(key.sign(statement))).resolves.toMatchObject({counter: 4});
  });

  it('another key and name when someone who may log in says so', async () => {
    await pin();
    const {statement} = await make({statement: {device: 'pi-8'}, release: {device: 'pi-8'}});
    await admit(other.sign(statement), {pinsAgain: true}, other.publicKey);
    expect(await readLedger(home)).toMatchObject({publicKey: other.publicKey, device: 'pi-8'});
  });
});

describe('a device does not accept', () => {
  it('has forty attacks at least', () => {
    expect(Object.keys(ATTACKS).length).toBeGreaterThanOrEqual(40);
  });

  it.for(Object.entries(ATTACKS))('%s', async ([, attack]) => {
    await mkdir(join(home, 'releases'));
    let error: unknown = null;
    try {
      await attack();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ExpectedError);
    expect(await readdir(join(home, 'releases'))).toEqual([]);
    expect(existsSync(join(home, 'current'))).toBe(false);
    const {publicKey} = await readLedger(home);
    expect(publicKey).not.toBe(other.publicKey);
  });
});
