import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {zstdCompressSync} from 'node:zlib';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {ExpectedError} from '../../src/errors.ts';
import {openProtocolClient, type ProtocolClient} from '../../src/runtime/client.ts';
import {ProtocolError} from '../../src/runtime/protocol/protocolError.ts';
import {startServer, type Server} from '../../src/runtime/server/startServer.ts';
import {arithmeticModel, floats, identityModel, numbersOf} from './smallModels.ts';

let repository: string;
let server: Server;
let client: ProtocolClient;
let base: string;
const bugs: unknown[] = [];
const x = () => floats([1, 4], [1, 2, 3, 4]);

async function addModel(name: string, bytes: Uint8Array, version = '1'): Promise<void> {
  await mkdir(join(repository, name, version), {recursive: true});
  await writeFile(join(repository, name, version, 'model.onnx'), bytes);
}

async function start(options: {allowModelControl?: boolean; maxBodyBytes?: number} = {}): Promise<Server> {
  return startServer({
    host: '127.0.0.1',
    port: 0,
    modelRepository: repository,
    allowModelControl: true,
    threads: 1,
    reportBug: error => bugs.push(error),
    ...options,
  });
}

beforeAll(async () => {
  repository = await mkdtemp(join(tmpdir(), 'edgewise-serve-'));
  await addModel('double', arithmeticModel('Mul', 2));
  await addModel('versions', arithmeticModel('Mul', 2), '2');
  await addModel('versions', arithmeticModel('Mul', 10), '10');
  await addModel('text', identityModel([{name: 's', elementType: 'string', dims: [null]}]));
  await addModel('half', identityModel([{name: 'h', elementType: 'float16', dims: [2]}]));
  await addModel('broken', Uint8Array.of(1, 2, 3));
  server = await start();
  base = `http://127.0.0.1:${server.port}`;
  client = openProtocolClient(base);
});

afterAll(async () => {
  client.close();
  await server.close();
  await rm(repository, {recursive: true, force: true});
  expect(bugs).toEqual([]);
});

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(base + path, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return {
    status: answer.status,
    json: (await answer.json()) as Record<string, unknown>,
    headers: answer.headers,
  };
}

async function refusalOf(work: Promise<unknown>): Promise<[string, number | null, string]> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ExpectedError)) throw new Error(`expected a refusal, got ${String(error)}`);
  return [error.code, error.cause instanceof ProtocolError ? error.cause.httpStatus : null, error.message];
}

describe('the server', () => {
  it('tells what it is and what it has', async () => {
    expect(await client.isReady()).toBe(true);
    expect((await fetch(`${base}/v2/health/live`)).status).toBe(200);
    const {name, extensions} = await client.readServerMetadata();
    expect([name, extensions]).toEqual([
      'edgewise',
      [
        'binary_tensor_data',
        'edgewise_keep',
        'zstd_bodies',
        'model_repository',
        'edgewise_remove_model',
        'edgewise_profile',
      ],
    ]);
    expect(await client.readModelMetadata('text')).toEqual({
      name: 'text',
      versions: ['1'],
      platform: 'onnxruntime_onnx',
      inputs: [{name: 's', datatype: 'BYTES', shape: [-1]}],
      outputs: [{name: 's_out', datatype: 'BYTES', shape: [-1]}],
    });
  });

  it('lists a model that does not load, and serves the others', async () => {
    const states = await client.listModels();
    expect(states.map(({name, state}) => `${name} ${state}`)).toEqual([
      'broken UNAVAILABLE',
      'double READY',
      'half READY',
      'text READY',
      'versions READY',
    ]);
    expect(states[0]!.reason).toMatch(/rejected/);
    const {json} = await post('/v2/repository/index', {ready: true});
    expect((json as unknown as unknown[]).length).toBe(4);
    expect(await client.isModelReady('broken')).toBe(false);
  });

  it('answers binary requests and reports its own time', async () => {
    const {outputs, serverTiming, wallMs} = await client.infer('double', {inputs: {x: x()}});
    expect(numbersOf(outputs['y'])).toEqual([2, 4, 6, 8]);
    expect([...serverTiming.keys()]).toEqual(['total', 'compute']);
    expect(serverTiming.get('compute')!).toBeLessThanOrEqual(serverTiming.get('total')!);
    expect(serverTiming.get('total')!).toBeLessThanOrEqual(wallMs);
  });

  it('answers JSON requests in JSON, with their id', async () => {
    const {status, json, headers} = await post('/v2/models/double/versions/1/infer', {
      id: 'a-7',
      inputs: [{name: 'x', datatype: 'FP32', shape: [1, 4], data: [[1, 2, 3, 4.5]]}],
      outputs: [{name: 'y'}],
    });
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(json).toEqual({
      id: 'a-7',
      model_name: 'double',
      model_version: '1',
      outputs: [{name: 'y', datatype: 'FP32', shape: [1, 4], data: [2, 4, 6, 9]}],
    });
  });

  it('serves the highest version, by number', async () => {
    expect(numbersOf((await client.infer('versions', {inputs: {x: x()}})).outputs['y'])).toEqual([
      10, 20, 30, 40,
    ]);
    expect((await fetch(`${base}/v2/models/versions/versions/2/ready`)).status).toBe(404);
  });

  it.each([
    ['an unknown model', '/v2/models/none/infer', {inputs: []}, 404, "'none' is not found"],
    [
      'a wrong shape',
      '/v2/models/double/infer',
      {inputs: [{name: 'x', datatype: 'FP32', shape: [2], data: [1, 2]}]},
      400,
      '[2]; the model expects [1,4]',
    ],
    [
      'a wrong type',
      '/v2/models/double/infer',
      {inputs: [{name: 'x', datatype: 'INT8', shape: [1], data: [1]}]},
      400,
      'int8; the model expects float32',
    ],
    ['a missing input', '/v2/models/double/infer', {inputs: []}, 400, 'Input "x" is missing'],
    [
      'an unknown output',
      '/v2/models/double/infer',
      {inputs: [], outputs: [{name: 'z'}]},
      400,
      "no output 'z'",
    ],
    [
      'half precision in JSON',
      '/v2/models/half/infer',
      {inputs: [{name: 'h', datatype: 'FP16', shape: [2], data: [1, 2]}]},
      400,
      'only as binary data',
    ],
    ['JSON that is none', '/v2/models/double/infer', '{"inputs":', 400, 'not JSON'],
    ['a path that is none', '/v3', {}, 404, 'nothing at /v3'],
    ['a profile without runs', '/v2/models/double/edgewise/profile', {runs: 0}, 400, '"runs" must be'],
  ])('refuses %s', async (_, path, body, status, part) => {
    const answer = await post(path, body);
    expect(answer.json['error']).toContain(part);
    expect(answer.status).toBe(status);
  });

  it('takes packed bodies and refuses those that are packed otherwise or wrongly', async () => {
    const many = floats([1, 4], [1, 2, 3, 4]);
    const {outputs} = await client.infer('double', {inputs: {x: many}}, {isPacked: true});
    expect(numbersOf(outputs['y'])).toEqual([2, 4, 6, 8]);
    const send = async (encoding: string, body: Uint8Array): Promise<number> => {
      const url = `${client.url}/v2/models/double/infer`;
      return (await fetch(url, {method: 'POST', body, headers: {'content-encoding': encoding}})).status;
    };
    expect(await send('gzip', new Uint8Array(4))).toBe(415);
    expect(await send('zstd', Buffer.from('nothing of the kind'))).toBe(400);
  });

  it('answers many clients at once, each with its own answer', async () => {
    const answers = await Promise.all(
      Array.from({length: 40}, async (_, i) => {
        const {outputs} = await client.infer('double', {inputs: {x: floats([1, 4], [i, 0, 0, 0])}});
        return numbersOf(outputs['y'])[0];
      }),
    );
    expect(answers).toEqual(Array.from({length: 40}, (_, i) => 2 * i));
  });

  it('echoes as many bytes as asked for', async () => {
    const data = {elementType: 'uint8', shape: [3], bytes: Uint8Array.of(1, 2, 3)} as const;
    for (const replyBytes of [0, 5, 100_000, 17]) {
      const {outputs} = await client.infer('edgewise.echo', {
        inputs: {data},
        parameters: {reply_bytes: replyBytes},
      });
      expect(outputs['data']!.bytes.byteLength).toBe(replyBytes);
    }
    const refused = client.infer('edgewise.echo', {inputs: {data}, parameters: {reply_bytes: -1}});
    expect((await refusalOf(refused)).slice(0, 2)).toEqual(['cloud-error', 400]);
  });

  it('times the layers of a model and its own part in a request', async () => {
    const profile = await client.profileModel('double', {runs: 5, warmUps: 1});
    expect(profile.layers).toHaveLength(1);
    expect(profile.layers[0]).toMatchObject({operator: 'Mul', ms: profile.wholeRun.medianMs});
    expect(profile.wholeRun).toMatchObject({runs: 5, obtained: 'measured'});
    expect(profile.requestOverhead.medianMs).toBeGreaterThan(0);
    expect(profile.runtime.node).toBe(process.versions.node);
    expect((await refusalOf(client.profileModel('edgewise.echo', {runs: 1, warmUps: 0})))[1]).toBe(404);
  });
});

describe('loading models through the protocol', () => {
  it('serves what was uploaded, and again after a restart', async () => {
    await client.loadModel('uploaded', {'1/model.onnx': arithmeticModel('Add', 5)});
    expect(numbersOf((await client.infer('uploaded', {inputs: {x: x()}})).outputs['y'])).toEqual([
      6, 7, 8, 9,
    ]);
    const second = await start();
    const other = openProtocolClient(`http://127.0.0.1:${second.port}`);
    expect(await other.isModelReady('uploaded')).toBe(true);
    other.close();
    await second.close();
  });

  it('replaces a model without failing one request', async () => {
    await client.loadModel('swapped', {'1/model.onnx': arithmeticModel('Add', 1)});
    let isDone = false;
    const seen = new Set<number>();
    const asking = (async () => {
      while (!isDone)
        seen.add(numbersOf((await client.infer('swapped', {inputs: {x: x()}})).outputs['y'])[0]!);
    })();
    for (const constant of [2, 3, 4])
      await client.loadModel('swapped', {'1/model.onnx': arithmeticModel('Add', constant)});
    isDone = true;
    await asking;
    expect([...seen].every(value => [2, 3, 4, 5].includes(value))).toBe(true);
    expect(numbersOf((await client.infer('swapped', {inputs: {x: x()}})).outputs['y'])[0]).toBe(5);
  });

  it('keeps the model that serves when the upload does not load, and leaves nothing behind', async () => {
    await client.loadModel('kept', {'1/model.onnx': arithmeticModel('Add', 1)});
    const [code, status, message] = await refusalOf(
      client.loadModel('kept', {'1/model.onnx': Uint8Array.of(9, 9, 9)}),
    );
    expect([code, status]).toEqual(['cloud-error', 400]);
    expect(message).toContain("failed to load 'kept'");
    expect(numbersOf((await client.infer('kept', {inputs: {x: x()}})).outputs['y'])[0]).toBe(2);
    expect(
      Buffer.compare(await readFile(join(repository, 'kept/1/model.onnx')), arithmeticModel('Add', 1)),
    ).toBe(0);
    expect((await readdir(repository)).filter(name => name.startsWith('.'))).toEqual([]);
  });

  it.each(['../outside.onnx', '1/../../outside.onnx', '/tmp/outside.onnx', '1/.hidden', 'model.onnx'])(
    'never writes to %s',
    async path => {
      const files = {'1/model.onnx': arithmeticModel('Add', 1), [path]: Uint8Array.of(1)};
      expect((await refusalOf(client.loadModel('escape', files)))[1]).toBe(400);
      expect((await readdir(repository)).filter(name => name === 'escape' || name.startsWith('.'))).toEqual(
        [],
      );
    },
  );

  it('loads and unloads what lies in the repository', async () => {
    await addModel('later', arithmeticModel('Sub', 1));
    expect(await client.isModelReady('later')).toBe(false);
    await client.loadModel('later');
    expect(await client.isModelReady('later')).toBe(true);
    await client.unloadModel('later');
    expect(await client.isModelReady('later')).toBe(false);
    expect((await refusalOf(client.loadModel('never')))[1]).toBe(404);
  });

  it('removes with its files what it was told to, and nothing else', async () => {
    await client.loadModel('fleeting', {'1/model.onnx': arithmeticModel('Add', 1)});
    await client.loadModel('staying', {'1/model.onnx': arithmeticModel('Add', 2)});
    await client.unloadModel('fleeting', {isRemoved: true});
    expect(await client.isModelReady('fleeting')).toBe(false);
    expect((await client.listModels()).map(({name}) => name)).not.toContain('fleeting');
    const folders = await readdir(repository);
    expect([folders.includes('fleeting'), folders.includes('staying')]).toEqual([false, true]);
    expect((await client.readServerMetadata()).extensions).toContain('edgewise_remove_model');
  });

  it('is refused unless the server was started for it', async () => {
    const closed = await start({allowModelControl: false});
    const other = openProtocolClient(`http://127.0.0.1:${closed.port}`);
    const [, status, message] = await refusalOf(
      other.loadModel('double', {'1/model.onnx': arithmeticModel('Add', 1)}),
    );
    expect([status, message.includes('--model-control explicit')]).toEqual([400, true]);
    expect((await refusalOf(other.unloadModel('double')))[1]).toBe(400);
    other.close();
    await closed.close();
  });

  it('mends a repository that a crash left in the middle of a replacement', async () => {
    await addModel('.replaced-0123456789abcdef-lost', arithmeticModel('Add', 7));
    await addModel('.staging-0123456789abcdef', arithmeticModel('Add', 8));
    const second = await start();
    const other = openProtocolClient(`http://127.0.0.1:${second.port}`);
    expect(numbersOf((await other.infer('lost', {inputs: {x: x()}})).outputs['y'])[0]).toBe(8);
    other.close();
    await second.close();
    expect((await readdir(repository)).filter(name => name.startsWith('.'))).toEqual([]);
  });
});

describe('limits', () => {
  it('refuse bodies that are announced or turn out too large, and go on serving', async () => {
    const small = await start({maxBodyBytes: 1000});
    const send = (headers: http.OutgoingHttpHeaders) =>
      new Promise<{status: number; text: string}>((resolve, reject) => {
        const request = http.request(
          {port: small.port, method: 'POST', path: '/v2/models/double/infer', headers},
          response => {
            let text = '';
            response.on('data', chunk => (text += String(chunk)));
            response.on('end', () => resolve({status: response.statusCode ?? 0, text}));
          },
        );
        request.on('error', reject);
        request.end(Buffer.alloc(5000));
      });
    for (const headers of [{'content-length': 5000}, {'transfer-encoding': 'chunked'}]) {
      const {status, text} = await send(headers);
      expect([status, text]).toEqual([413, '{"error":"the body is larger than 1000 bytes"}']);
    }
    // Small on the way, and too large once it is unpacked.
    const packed = await fetch(`http://127.0.0.1:${small.port}/v2/models/double/infer`, {
      method: 'POST',
      body: zstdCompressSync(Buffer.alloc(5000)),
      headers: {'content-encoding': 'zstd'},
    });
    expect(packed.status).toBe(413);
    const other = openProtocolClient(`http://127.0.0.1:${small.port}`);
    expect(await other.isModelReady('double')).toBe(true);
    other.close();
    await small.close();
  });

  it('survive a client that goes away in the middle of a body', async () => {
    const socket = net.connect(server.port, '127.0.0.1');
    await new Promise(resolve => socket.once('connect', resolve));
    socket.write('POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc');
    await new Promise<void>(resolve => socket.end(resolve));
    socket.destroy();
    expect(await client.isReady()).toBe(true);
  });
});

describe('the client', () => {
  it('gives up at its deadline', async () => {
    const silent = net.createServer(() => {});
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
    const {port} = silent.address() as net.AddressInfo;
    const waiting = openProtocolClient(`http://127.0.0.1:${port}`, {deadlineMs: 150});
    const [code, , message] = await refusalOf(waiting.infer('m', {inputs: {}}));
    expect([code, message.includes('within 150 ms')]).toEqual(['cloud-timeout', true]);
    waiting.close();
    silent.close();
  });

  it('tells a server that is not there', async () => {
    const free = net.createServer();
    await new Promise<void>(resolve => free.listen(0, '127.0.0.1', resolve));
    const {port} = free.address() as net.AddressInfo;
    await new Promise(resolve => free.close(resolve));
    const nobody = openProtocolClient(`http://127.0.0.1:${port}`);
    expect((await refusalOf(nobody.infer('m', {inputs: {}})))[0]).toBe('cloud-unreachable');
  });

  it('asks again when the server closed the idle connection just then', async () => {
    let connections = 0;
    const ready = '{"ready":true}';
    const flaky = net.createServer(socket => {
      connections++;
      let requests = 0;
      socket.on('error', () => {});
      socket.on('data', () => {
        requests++;
        if (connections === 1 && requests === 2) socket.resetAndDestroy();
        else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${ready.length}\r\n\r\n${ready}`);
      });
    });
    await new Promise<void>(resolve => flaky.listen(0, '127.0.0.1', resolve));
    const {port} = flaky.address() as net.AddressInfo;
    const other = openProtocolClient(`http://127.0.0.1:${port}`);
    expect([await other.isReady(), await other.isReady(), connections]).toEqual([true, true, 2]);
    other.close();
    flaky.close();
  });

  it('tells an answer that is not of the protocol', async () => {
    const page = http.createServer((_, response) => response.end('<html>welcome</html>'));
    await new Promise<void>(resolve => page.listen(0, '127.0.0.1', resolve));
    const {port} = page.address() as net.AddressInfo;
    const other = openProtocolClient(`http://127.0.0.1:${port}`);
    expect((await refusalOf(other.infer('m', {inputs: {}})))[0]).toBe('cloud-error');
    expect((await refusalOf(other.readServerMetadata()))[0]).toBe('cloud-error');
    other.close();
    page.close();
  });
});
