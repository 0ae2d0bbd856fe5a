/**
 * Reads every sample of data sets of each kind, few and many, each in a process of its own, and prints the time per
 * sample and the most memory the process had: it does not grow with the number of samples. Exits 1 when four times the
 * samples take more than 48 MB more.
 *
 *   node bench/dataSets.ts
 */
import {execFileSync} from 'node:child_process';
import {createWriteStream, mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {crc32, deflateRawSync} from 'node:zlib';
import sharp from 'sharp';
import {openDataSet} from '../src/workflows/openDataSet.ts';
import {npyFromTensor} from '../src/workspace/npy.ts';

/** By then the heap has grown to what it settles at. */
const FEW = 256;
const MANY = 4 * FEW;
const MOST_MORE_MEGABYTES = 48;
const SHAPE = [3, 224, 224];
const ROW_VALUES = 3 * 224 * 224;

/** Values that deflate as little as measured ones do. */
function rowOf(index: number): Uint8Array {
  const values = Float32Array.from({length: ROW_VALUES}, (_, at) => Math.sin(at * 0.37 + index));
  return new Uint8Array(values.buffer);
}

function headerOf(count: number): Buffer {
  const empty = npyFromTensor({elementType: 'float32', shape: [0, ...SHAPE], bytes: new Uint8Array()});
  const text = Buffer.from(empty).toString('latin1');
  return Buffer.from(
    text.replace(
      /\(0, [^\n]*/,
      `(${count}, ${SHAPE.join(', ')}), }`.padEnd(text.length - text.indexOf('(0,') - 1),
    ),
    'latin1',
  );
}

async function writeNpyFile(path: string, count: number): Promise<void> {
  await pipeline(function* () {
    yield headerOf(count);
    for (let index = 0; index < count; index++) yield rowOf(index);
  }, createWriteStream(path));
}

/** A zip file of one packed array, as numpy.savez_compressed writes it, made in memory. */
async function writeNpzFile(path: string, count: number): Promise<void> {
  const plain = Buffer.concat([
    headerOf(count),
    ...Array.from({length: count}, (_, index) => rowOf(index % 4)),
  ]);
  const packed = deflateRawSync(plain, {level: 1});
  const name = Buffer.from('x.npy');
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(8, 4);
  fields.writeUInt32LE(crc32(plain), 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(plain.length, 18);
  fields.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, name]);
  const central = Buffer.concat([
    Buffer.from('PK\x01\x02'),
    Buffer.from([20, 0]),
    fields,
    Buffer.alloc(14),
    name,
  ]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length + packed.length, 16);
  await pipeline([local, packed, central, end], createWriteStream(path));
}

async function writeImages(folder: string, count: number): Promise<void> {
  mkdirSync(folder);
  const noise = {
    create: {
      width: 500,
      height: 375,
      channels: 3,
      background: 'gray',
      noise: {type: 'gaussian', mean: 128, sigma: 40},
    },
  } as const;
  const bytes = await sharp(noise).jpeg().toBuffer();
  for (let index = 0; index < count; index++) await sharp(bytes).toFile(join(folder, `${index}.jpg`));
}

async function readAll(path: string): Promise<{millisecondsPerSample: number; peakMegabytes: number}> {
  const input = {name: 'x', elementType: 'float32', shape: [1, ...SHAPE]} as const;
  const started = performance.now();
  const set = await openDataSet(path, [input], {preprocessing: 'imagenet'});
  for (let index = 0; index < set.requestCount; index++) await set.readRequest(index);
  await set.close();
  return {
    millisecondsPerSample: (performance.now() - started) / set.requestCount,
    peakMegabytes: process.resourceUsage().maxRSS / 1000,
  };
}

const KINDS = {
  '.npy': writeNpyFile,
  '.npz, packed': writeNpzFile,
  '500 × 375 JPEG': writeImages,
} as const;

/** Data are made in a process of their own too: a child's peak is never below what its parent had when it was started. */
const runSelf = (...args: string[]): string =>
  execFileSync(process.execPath, [import.meta.filename, ...args], {encoding: 'utf8'});

const [task, path = '', kind = '', count = ''] = process.argv.slice(2);
if (task === '--write') {
  await KINDS[kind as keyof typeof KINDS](path, Number(count));
} else if (task === '--read') {
  console.log(JSON.stringify(await readAll(path)));
} else {
  const folder = mkdtempSync(join(tmpdir(), 'edgewise-datasets-'));
  try {
    for (const name of Object.keys(KINDS)) {
      const peaks = [FEW, MANY].map(samples => {
        const file = join(folder, 'data');
        runSelf('--write', file, name, String(samples));
        const read = JSON.parse(runSelf('--read', file)) as Awaited<ReturnType<typeof readAll>>;
        rmSync(file, {recursive: true});
        console.log(
          `${name.padEnd(16)} ${String(samples).padStart(5)} samples: ${read.millisecondsPerSample.toFixed(2)} ms each, peak ${read.peakMegabytes.toFixed(0)} MB`,
        );
        return read.peakMegabytes;
      });
      if (peaks[1]! - peaks[0]! > MOST_MORE_MEGABYTES) process.exitCode = 1;
    }
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}
