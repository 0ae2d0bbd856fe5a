import {createHash, randomBytes} from 'node:crypto';
import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {constants, zstdCompressSync} from 'node:zlib';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import fc from 'fast-check';
import {applyDeltas, type DeltaRequest} from '../../../src/runtime/deploy/applyDeltas.ts';
import {DELTA_WIDTHS, differenceOf, targetOf} from '../../../src/runtime/deploy/blobDelta.ts';
import {findDeltas} from '../../../src/workflows/deploy/findDeltas.ts';
import {openStore, type Store} from '../../../src/workspace/store.ts';

const MEBI = 2 ** 20;
const width = fc.constantFrom(...DELTA_WIDTHS);

it('what was subtracted and is added again is what it was', () => {
  const pair = fc
    .integer({min: 0, max: 4000})
    .chain(length =>
      fc.tuple(
        fc.uint8Array({minLength: length, maxLength: length}),
        fc.uint8Array({minLength: length, maxLength: length}),
      ),
    );
  fc.assert(
    fc.property(pair, width, ([target, base], bytes) => {
      expect(targetOf(differenceOf(target, base, bytes), base, bytes)).toEqual(target);
    }),
  );
});

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-delta-'));
  store = openStore(join(folder, 'store'));
});
afterEach(() => rm(folder, {recursive: true, force: true}));

async function stored(bytes: Uint8Array) {
  const digest = await store.put([bytes]);
  return {path: digest, digest, sizeBytes: bytes.length, source: store.pathOf(digest)};
}

/** Bytes of a bell, as weights are, of which some move by one. */
function weights(length: number): Buffer {
  return Buffer.from(
    randomBytes(4 * length).reduce<number[]>((sums, byte, at) => {
      if (at % 4 === 0) sums.push(0);
      sums[sums.length - 1] = sums.at(-1)! + byte / 4;
      return sums;
    }, []),
  );
}

function tuned(bytes: Uint8Array, share: number): Buffer {
  const moves = randomBytes(bytes.length);
  return Buffer.from(
    bytes.map((byte, at) => (moves[at]! < 256 * share ? byte + (moves[at]! % 2) * 2 - 1 : byte)),
  );
}

describe('findDeltas', () => {
  it('takes the blob that it was tuned from, wherever that lies among those of its length', async () => {
    const old = [weights(40_000), weights(40_000), weights(40_000), weights(30_000)];
    const bases = await Promise.all(old.map(stored));
    const target = await stored(tuned(old[2]!, 0.1));
    const [delta] = await findDeltas(store, [target], bases);
    expect(delta).toMatchObject({target, base: bases[2]!.digest});
    expect(delta!.delta.sizeBytes).toBeLessThan(0.2 * target.sizeBytes);
  });

  it('finds the bytes of floats that hardly moved', async () => {
    const floats = Float32Array.from({length: 20_000}, (_, at) => Math.sin(at * at));
    const moved = floats.map((value, at) => value * (1 + 1e-3 * Math.cos(at * 7)));
    const [base, target] = [
      await stored(Buffer.from(floats.buffer)),
      await stored(Buffer.from(moved.buffer)),
    ];
    const [delta] = await findDeltas(store, [target], [base]);
    // 0.66 here; the exponents and first bits of the fractions are a third of what floats are.
    expect(delta!.delta.sizeBytes).toBeLessThan(0.7 * target.sizeBytes);
  });

  it('makes none where the blob itself is hardly more, of another length, nor of what the store has not', async () => {
    const old = weights(40_000);
    const base = await stored(old);
    expect(await findDeltas(store, [await stored(weights(40_000))], [base])).toEqual([]);
    expect(await findDeltas(store, [await stored(weights(39_999))], [base])).toEqual([]);
    const target = await stored(tuned(old, 0.1));
    await rm(base.source);
    expect(await findDeltas(store, [target], [base])).toEqual([]);
  });
});

describe('applyDeltas', () => {
  const blobs = (): string => join(folder, 'blobs/sha256');
  const digestOf = (bytes: Uint8Array): string =>
    `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const nameOf = (digest: string): string => join(blobs(), digest.slice(7));
  async function put(bytes: Uint8Array): Promise<string> {
    await writeFile(nameOf(digestOf(bytes)), bytes);
    return digestOf(bytes);
  }
  /** On the device: base and delta of a target of more than one frame. */
  async function prepare(): Promise<{request: DeltaRequest; base: Buffer; target: Buffer; delta: Buffer}> {
    const base = Buffer.concat([weights(100_000), Buffer.alloc(1.2 * MEBI, 5)]);
    const target = tuned(base, 0.1);
    const found = await findDeltas(store, [await stored(target)], [await stored(base)]);
    const delta = await readFile(found[0]!.delta.source);
    const request = {
      base: digestOf(base),
      delta: digestOf(delta),
      target: digestOf(target),
      sizeBytes: target.length,
    };
    return {request, base, target, delta};
  }
  beforeEach(() => mkdir(blobs(), {recursive: true}));

  it('makes the blob, names it by its content and takes the delta away', async () => {
    const {request, base, target, delta} = await prepare();
    await put(base);
    await put(delta);
    expect(await applyDeltas(folder, [request])).toEqual({rebuilt: [request.target], refused: []});
    expect((await readFile(nameOf(request.target))).equals(target)).toBe(true);
    expect((await readdir(blobs())).sort()).toEqual(
      [request.base, request.target].map(one => one.slice(7)).sort(),
    );
  });

  const frame = (bytes: Uint8Array): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const bomb = (): Buffer =>
    Buffer.concat([
      Buffer.from('EWDELTA1\u0001', 'latin1'),
      frame(zstdCompressSync(Buffer.alloc(200 * MEBI))),
    ]);
  const refusals: {what: string; change: (delta: Buffer) => Uint8Array | null}[] = [
    {what: 'a delta that is missing', change: () => null},
    {what: 'an empty delta', change: () => Buffer.alloc(0)},
    {what: 'a delta of another form', change: () => randomBytes(50_000)},
    {what: 'a delta with a byte too many', change: delta => Buffer.concat([delta, Buffer.of(0)])},
    {
      what: 'a delta with another byte in a frame',
      change: delta => delta.map((byte, at) => (at === 500 ? byte ^ 9 : byte)),
    },
    {what: 'a width that there is not', change: delta => delta.map((byte, at) => (at === 8 ? 3 : byte))},
    {what: 'a frame that would become far more than was announced', change: bomb},
    {
      what: 'a frame that is endless',
      change: () => Buffer.from('EWDELTA1\u0001\u00ff\u00ff\u00ff\u00ff', 'latin1'),
    },
    {
      what: 'a frame that is too short',
      change: () =>
        Buffer.concat([Buffer.from('EWDELTA1\u0001', 'latin1'), frame(zstdCompressSync(Buffer.alloc(9)))]),
    },
  ];
  it.each(refusals)('refuses $what, and leaves nothing behind', async ({change}) => {
    const {request, base, delta} = await prepare();
    await put(base);
    const changed = change(delta);
    if (changed !== null) await writeFile(nameOf(request.delta), changed);
    const {rebuilt, refused} = await applyDeltas(folder, [request]);
    expect(rebuilt).toEqual([]);
    expect(refused.map(({target}) => target)).toEqual([request.target]);
    expect(await readdir(blobs())).toEqual([request.base.slice(7)]);
  });

  it('refuses a delta wherever it is cut off', async () => {
    const {request, base, delta} = await prepare();
    await put(base);
    for (const length of [...Array(30).keys(), delta.length >> 1, delta.length - 1]) {
      await writeFile(nameOf(request.delta), delta.subarray(0, length));
      expect((await applyDeltas(folder, [request])).refused, `${length} bytes`).toHaveLength(1);
    }
  });

  it.each([
    {what: 'is missing', base: (): Uint8Array | null => null},
    {what: 'is shorter', base: (right: Buffer) => right.subarray(1)},
    {what: 'has gone bad', base: (right: Buffer) => right.map((byte, at) => (at === MEBI ? byte ^ 1 : byte))},
  ])('refuses when the base $what, and makes the others all the same', async ({base}) => {
    const one = await prepare();
    const other = await prepare();
    const wrong = base(one.base);
    if (wrong !== null) await writeFile(nameOf(one.request.base), wrong);
    for (const bytes of [other.base, one.delta, other.delta]) await put(bytes);
    const {rebuilt, refused} = await applyDeltas(folder, [one.request, other.request]);
    expect(refused.map(({target}) => target)).toEqual([one.request.target]);
    expect(rebuilt).toEqual([other.request.target]);
  });

  it('takes frames of any level', async () => {
    const [base, target] = [weights(1000), weights(1000)];
    const params = {[constants.ZSTD_c_compressionLevel]: 19};
    const delta = Buffer.concat([
      Buffer.from('EWDELTA1\u0002', 'latin1'),
      frame(zstdCompressSync(differenceOf(target, base, 2), {params})),
    ]);
    const request = {
      base: await put(base),
      delta: await put(delta),
      target: digestOf(target),
      sizeBytes: 1000,
    };
    expect((await applyDeltas(folder, [request])).rebuilt).toEqual([request.target]);
  });
});
