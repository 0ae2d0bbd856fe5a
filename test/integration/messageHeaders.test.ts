import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import type {Link} from '../../src/documents/profile.ts';
import {openProtocolClient, type ProtocolClient} from '../../src/runtime/client.ts';
import {ECHO_MODEL} from '../../src/runtime/server/echoModel.ts';
import {startServer, type Server} from '../../src/runtime/server/startServer.ts';
import {linkForCalls, withHeaderBytes} from '../../src/workflows/messageHeaders.ts';
import {nameOfSegment} from '../../src/workflows/release/nameOfSegment.ts';
import {startCuttingRelay, type CuttingRelay} from './cuttingRelay.ts';
import {floats, identityModel} from './smallModels.ts';

const STEM = 'a-model-with-quite-a-name';
const MODEL = nameOfSegment(STEM, '0123456789abcdef');
const SHAPE = [1, 10, 10];
const TENSOR_BYTES = 400;
const INPUTS = ['x', 'resnet/stage-3/block-2/a "quoted" tensor:0'];
const PROBE_BYTES = 16;
/** Of what takes more or fewer digits from one answer to the next: times, and lengths. */
const DIGITS = 24;

let folder: string;
let server: Server;
let relay: CuttingRelay;
let client: ProtocolClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-headers-'));
  await mkdir(join(folder, MODEL, '1'), {recursive: true});
  const inputs = INPUTS.map(name => ({name, elementType: 'float32' as const, dims: SHAPE}));
  await writeFile(join(folder, MODEL, '1/model.onnx'), identityModel(inputs));
  server = await startServer({
    host: '127.0.0.1',
    port: 0,
    modelRepository: folder,
    allowModelControl: false,
    threads: 1,
  });
  relay = await startCuttingRelay(server.port);
  client = openProtocolClient(`http://127.0.0.1:${relay.port}`);
});
afterAll(async () => {
  client?.close();
  await relay?.close();
  await server?.close();
  await rm(folder, {recursive: true, force: true});
});

async function wireBytesOf(ask: () => Promise<unknown>): Promise<number> {
  // The first one opens the connection.
  await ask();
  const before = relay.wireBytes();
  await ask();
  return relay.wireBytes() - before;
}

it('what plans charge a call for, besides its tensors’ own bytes, is what it has more on the wire than an exchange that links are measured with', async () => {
  const data = {elementType: 'uint8', shape: [PROBE_BYTES], bytes: new Uint8Array(PROBE_BYTES)} as const;
  const probed = await wireBytesOf(() =>
    client.infer(ECHO_MODEL, {inputs: {data}, parameters: {reply_bytes: PROBE_BYTES}}),
  );
  const values = new Array<number>(TENSOR_BYTES / 4).fill(1);
  const inputs = Object.fromEntries(INPUTS.map(name => [name, floats(SHAPE, values)]));
  const called = await wireBytesOf(() => client.infer(MODEL, {inputs}));

  const rowOf = (name: string) =>
    withHeaderBytes({
      ...{name, elementType: 'float32', shape: SHAPE},
      ...{isInput: true, isOutput: false, isWeight: false},
    }).headerBytes!;
  const saidOfTensors = INPUTS.reduce((sum, name) => sum + rowOf(name).up + rowOf(`${name}_out`).down, 0);
  // At a byte a millisecond, times are bytes.
  const link: Link = {
    ...{to: 'cloud', fixedMs: 1000, roundTripMs: 1, residualMs: 0, samples: 5, obtained: 'measured'},
    ...{upBytesPerSecond: 1000, downBytesPerSecond: 1000},
  };
  const saidOfCall = linkForCalls(link, STEM).fixedMs - link.fixedMs;
  const ownBytes = 2 * (INPUTS.length * TENSOR_BYTES - PROBE_BYTES);
  expect(saidOfTensors + saidOfCall).toBeGreaterThan(10 * DIGITS);
  expect(Math.abs(called - probed - ownBytes - saidOfTensors - saidOfCall)).toBeLessThan(DIGITS);
});
