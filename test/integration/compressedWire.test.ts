import {execFileSync, spawnSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {gzipSync, zstdCompressSync} from 'node:zlib';
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {sendMissingBlobs, type ShippedFile} from '../../src/workflows/deploy/shipFiles.ts';
import {deviceScript} from '../../src/workspace/deviceScript.ts';
import {hexOfDigest} from '../../src/workspace/digest.ts';
import {startCuttingRelay, type CuttingRelay} from './cuttingRelay.ts';
import {randomFiles, sendOverCuts, withWireMachine, type WireDevice} from './resumedSending.ts';
import {startOpenSshServer, type OpenSshServer} from './sshServers.ts';

const MEGA = 1e6;
const DECODERS = ['gzip', 'zstd'] as const;
/** Six random bits of eight: what is left of them encoded is 0.75. */
const sixBits = (sizeBytes: number): Uint8Array => randomBytes(sizeBytes).map(byte => byte & 63);

let scratch: string;
let wrongTools: string;
let without: Record<'zstd' | 'both', string>;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'edgewise-wire-'));
  without = {zstd: await toolsWithout('zstd'), both: await toolsWithout('zstd', 'gzip')};
  wrongTools = await toolsWithout('zstd');
  await writeFile(join(wrongTools, 'zstd'), '#!/bin/sh\ncat >/dev/null\necho not what was sent\n');
  await chmod(join(wrongTools, 'zstd'), 0o755);
});
afterAll(() => rm(scratch, {recursive: true, force: true}));

async function toolsWithout(...names: string[]): Promise<string> {
  const tools = await mkdtemp(join(scratch, 'tools-'));
  for (const folder of ['/usr/bin', '/bin'])
    for (const name of await readdir(folder))
      if (!names.includes(name)) await symlink(join(folder, name), join(tools, name)).catch(() => {});
  return tools;
}

interface Place {
  readonly device: WireDevice;
  readonly server: OpenSshServer;
  readonly relay: CuttingRelay;
}

async function withDevice(path: string | null, work: (place: Place) => Promise<void>): Promise<boolean> {
  const home = await mkdtemp(join(scratch, 'home-'));
  const server = await startOpenSshServer({
    configuration: [`SetEnv HOME=${home}${path === null ? '' : ` PATH=${path}`}`],
  });
  if (server === null) return false;
  const relay = await startCuttingRelay(server.port);
  try {
    await work({
      server,
      relay,
      device: {server, home, relay, scratch: await mkdtemp(join(scratch, 'here-'))},
    });
    return true;
  } finally {
    await relay.close();
    await server.stop();
  }
}

async function expectShipped({home}: WireDevice, files: readonly ShippedFile[]): Promise<void> {
  for (const {digest, source} of files) {
    const there = await readFile(join(home, '.edgewise/blobs/sha256', hexOfDigest(digest)));
    expect(there.equals(await readFile(source)), source).toBe(true);
  }
}

const SIZES = [2.5 * MEGA, ...new Array<number>(10).fill(40_000), 0, 1];

describe('what is sent to a real sshd', () => {
  it.each([
    {what: 'zstd', path: () => null, most: 0.8, transport: 'ssh2'},
    {what: 'zstd, over the system ssh', path: () => null, most: 0.8, transport: 'openssh'},
    {what: 'gzip where there is no zstd', path: () => without.zstd, most: 0.8, transport: 'ssh2'},
    {what: 'nothing where there is neither', path: () => without.both, most: 1.02, transport: 'ssh2'},
  ] as const)('is compressed with $what', async ({what, path, most, transport}) => {
    const isThere = await withDevice(path(), async ({device, relay}) => {
      const files = await randomFiles(device.scratch, SIZES, sixBits);
      const fileBytes = files.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
      const before = relay.wireBytes();
      const shipment = await withWireMachine({...device, transport}, machine =>
        sendMissingBlobs(machine, files),
      );
      await expectShipped(device, files);
      const {sentBytes, savedBytes} = shipment;
      expect(relay.wireBytes() - before).toBeLessThan(most * fileBytes + 30_000);
      expect(sentBytes + savedBytes.byCompression).toBe(fileBytes);
      if (what.startsWith('nothing')) expect(savedBytes.byCompression).toBe(0);
      else expect(savedBytes.byCompression / fileBytes).toBeGreaterThan(0.2);
    });
    if (!isThere) expect(process.env['EDGEWISE_REQUIRE_OPENSSH']).not.toBe('1');
  });

  it('is as it was where it would not become smaller', async context => {
    const isThere = await withDevice(null, async ({device}) => {
      const files = await randomFiles(device.scratch, SIZES);
      const {savedBytes} = await withWireMachine(device, machine => sendMissingBlobs(machine, files));
      expect(savedBytes).toEqual({alreadyThere: 0, byCompression: 0, byDeltas: 0});
      await expectShipped(device, files);
    });
    if (!isThere) context.skip('sshd is not installed here');
  });

  it('is sent again as it is when the decoder there makes something else of it', async context => {
    const isThere = await withDevice(wrongTools, async ({device}) => {
      const files = await randomFiles(device.scratch, SIZES, sixBits);
      const {savedBytes} = await withWireMachine(device, machine => sendMissingBlobs(machine, files));
      expect(savedBytes.byCompression).toBe(0);
      await expectShipped(device, files);
    });
    if (!isThere) context.skip('sshd is not installed here');
  });

  it.each([null, 'gzip'])('goes on where a reset cut it off (%s)', async decoder => {
    const isThere = await withDevice(decoder === null ? null : without.zstd, async ({device, relay}) => {
      const files = await randomFiles(
        device.scratch,
        [9 * MEGA, ...new Array<number>(10).fill(50_000)],
        sixBits,
      );
      const sentBytes = await sendOverCuts(device, files, [4.5 * MEGA]);
      expect(relay.cuts()).toBe(1);
      // Encoded it is 0.75 of 9.5 MB; sent anew after the reset it would be 11.6 MB.
      expect(sentBytes).toBeLessThan(10.8 * MEGA);
    });
    if (!isThere) expect(process.env['EDGEWISE_REQUIRE_OPENSSH']).not.toBe('1');
  });
});

describe('what the device takes in', () => {
  let home: string;
  const hex = 'ab'.repeat(32);
  const receive = (args: readonly string[], stdin: Uint8Array) => {
    const [program = '', ...argv] = deviceScript('receive-blobs', ...args);
    return spawnSync(program, argv, {env: {...process.env, HOME: home}, input: stdin});
  };
  const part = () => readFile(join(home, '.edgewise/blobs/sha256', `${hex}.partial`));
  beforeEach(async () => {
    home = await mkdtemp(join(scratch, 'home-'));
    await mkdir(join(home, '.edgewise/blobs/sha256'), {recursive: true});
  });
  const encode = {gzip: gzipSync, zstd: zstdCompressSync};

  it.each(DECODERS)('ends at the length that was announced, whatever %s would make of it', async encoding => {
    receive(['stripe', hex, '1', encoding, '100000'], encode[encoding](Buffer.alloc(50 * MEGA, 7)));
    expect((await part()).length).toBe(65_536 + 100_000);
    const archive = execFileSync('tar', ['-cf', '-', '-C', '/usr/bin', 'env'], {maxBuffer: 50 * MEGA});
    receive(['bundle', encoding, '512'], encode[encoding](archive));
    const names = await readdir(join(home, '.edgewise/blobs/sha256'));
    expect(names.sort()).toEqual([`${hex}.partial`, ...names.filter(name => name === 'env')].sort());
  });

  it.each(DECODERS)(
    'is of a %s stream that breaks off what was whole of it, and no byte more',
    async encoding => {
      const content = Buffer.from(sixBits(700_000));
      const frames = [0, 1].map(at => encode[encoding](content.subarray(at * 350_000, (at + 1) * 350_000)));
      const stream = Buffer.concat(frames);
      const lengths = [0, 1, 20, frames[0]!.length, frames[0]!.length + 3, stream.length - 1, stream.length];
      for (const length of lengths) {
        await rm(join(home, '.edgewise/blobs/sha256', `${hex}.partial`), {force: true});
        receive(['stripe', hex, '0', encoding, '700000'], stream.subarray(0, length));
        const there = await part();
        expect(there.equals(content.subarray(0, there.length)), `${length} bytes`).toBe(true);
        if (length >= frames[0]!.length) expect(there.length).toBeGreaterThanOrEqual(350_000);
        if (length === stream.length) expect(there.length).toBe(700_000);
      }
    },
  );

  it.each(DECODERS)('never grows from bytes that are no %s', async encoding => {
    receive(['stripe', hex, '0', encoding, '700000'], randomBytes(100_000));
    expect((await part()).length).toBe(0);
  });
});
