import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {DeployedStep} from '../../src/documents/deployedSteps.ts';
import type {GatewayState} from '../../src/runtime/agent/agentState.ts';
import {startAgent, type Agent} from '../../src/runtime/agent/startAgent.ts';
import {openProtocolClient, type ProtocolClient} from '../../src/runtime/client.ts';
import {startGateway, type Gateway} from '../../src/runtime/gateway/startGateway.ts';
import {startServer, type Server} from '../../src/runtime/server/startServer.ts';
import {findFreePort} from './freePort.ts';
import {activateRelease, spec} from './agentHome.ts';
import {arithmeticModel, floats, numbersOf, sumModel} from './smallModels.ts';

let folder: string;
let gatewayHome: string;
let gatewayPort: number;
let gateway: Gateway | null = null;
let cloud: Server | null = null;
let agent: Agent | null = null;
let client: ProtocolClient;
let port: number;
const x = () => floats([1, 4], [1, 2, 3, 4]);
const DIGEST = `sha256:${'0'.repeat(64)}`;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-gateway-'));
  gatewayHome = join(folder, 'gateway');
  gatewayPort = await findFreePort();
  port = await findFreePort();
  await mkdir(join(gatewayHome, 'parts'), {recursive: true});
  await listenOn('127.0.0.1', gatewayPort);
  client = openProtocolClient(`http://127.0.0.1:${port}`);
});
afterEach(async () => {
  client.close();
  await agent?.close();
  await gateway?.close();
  await cloud?.close();
  agent = gateway = cloud = null;
  await rm(folder, {recursive: true, force: true});
});

const listenOn = (host: string, port: number) =>
  writeFile(join(gatewayHome, 'listen.json'), JSON.stringify({host, port}));

async function startCloud(models: Record<string, Uint8Array>): Promise<string> {
  const modelRepository = join(folder, 'cloud');
  for (const [name, bytes] of Object.entries(models)) {
    await mkdir(join(modelRepository, name, '1'), {recursive: true});
    await writeFile(join(modelRepository, name, '1/model.onnx'), bytes);
  }
  cloud = await startServer({
    host: '127.0.0.1',
    port: 0,
    modelRepository,
    allowModelControl: false,
    threads: 1,
  });
  return `http://127.0.0.1:${cloud.port}`;
}

const run = (graph: string, inputs: string[], outputs: string[]): DeployedStep => ({
  kind: 'run',
  graph,
  inputs: inputs.map(spec),
  outputs: outputs.map(spec),
});

function call(
  tier: 'gateway' | 'cloud',
  url: string,
  modelName: string,
  inputs: string[],
  outputs: string[],
  kept: {held?: string[]; keeps?: string[]; isLast?: boolean} = {},
): DeployedStep {
  const {held = [], keeps = [], isLast = false} = kept;
  const tensors = {inputs: inputs.map(spec), outputs: outputs.map(spec)};
  return {kind: 'call', tier, machine: `the-${tier}`, url, modelName, ...tensors, held, keeps, isLast};
}

const gatewayUrl = () => `http://127.0.0.1:${gatewayPort}`;

async function putPart(
  name: string,
  inputs: string[],
  outputs: string[],
  steps: DeployedStep[],
  graphs: Record<string, Uint8Array> = {},
): Promise<void> {
  const place = join(gatewayHome, 'parts', name);
  await mkdir(place, {recursive: true});
  const files = Object.entries(graphs).map(([path, bytes]) => ({
    path,
    digest: DIGEST,
    sizeBytes: bytes.byteLength,
  }));
  for (const [path, bytes] of Object.entries(graphs)) await writeFile(join(place, path), bytes);
  const part = {
    kind: 'edgewise/part',
    formatVersion: 1,
    madeBy: 'test',
    madeAt: '2026-01-01T00:00:00Z',
    madeFrom: {},
    name,
    gateway: 'the-gateway',
    inputs: inputs.map(spec),
    outputs: outputs.map(spec),
    threads: 1,
    steps,
    files,
  };
  await writeFile(join(place, 'part.json'), JSON.stringify(part));
}

async function start(deadlineMs = 5000): Promise<void> {
  gateway = await startGateway({home: gatewayHome, deadlineMs, report: () => {}});
  agent = await startAgent({home: folder, cloudDeadlineMs: deadlineMs, report: () => {}});
}

const readGatewayState = async () =>
  JSON.parse(await readFile(join(gatewayHome, 'state.json'), 'utf8')) as GatewayState;

async function ask(): Promise<[number, string]> {
  const data = [1, 2, 3, 4];
  const body = JSON.stringify({inputs: [{name: 'x', datatype: 'FP32', shape: [1, 4], data}]});
  const answer = await fetch(`http://127.0.0.1:${port}/v2/models/net/infer`, {method: 'POST', body});
  return [answer.status, ((await answer.json()) as {error?: string}).error ?? ''];
}

const mul = (by: number, input: string, output: string) => arithmeticModel('Mul', by, {input, output});

describe('three tiers', () => {
  it('device, gateway, cloud and back: every segment answers, and each part of the time is told', async () => {
    const cloudUrl = await startCloud({'c-1': mul(5, 'b', 'c')});
    await putPart(
      'g-1',
      ['a'],
      ['c'],
      [run('s.onnx', ['a'], ['b']), call('cloud', cloudUrl, 'c-1', ['b'], ['c'])],
      {'s.onnx': mul(3, 'a', 'b')},
    );
    await activateRelease(folder, {
      id: 'aaaaaaaaaaaaaaaa',
      port,
      inputs: ['x'],
      outputs: ['y'],
      graphs: {'1.onnx': mul(2, 'x', 'a'), '2.onnx': mul(7, 'c', 'y')},
      steps: [
        run('1.onnx', ['x'], ['a']),
        call('gateway', gatewayUrl(), 'g-1', ['a'], ['c']),
        run('2.onnx', ['c'], ['y']),
      ],
    });
    await start();
    const {outputs, serverTiming} = await client.infer('net', {inputs: {x: x()}});
    expect(numbersOf(outputs['y'])).toEqual([210, 420, 630, 840]);
    const tiers = ['head', 'link', 'tail', 'gateway', 'cloud', 'gateway-cloud', 'device-gateway'];
    expect([...serverTiming.keys()].sort()).toEqual(['total', ...tiers].sort());
    const ms = (name: string) => serverTiming.get(name)!;
    for (const name of tiers) expect(ms(name), name).toBeGreaterThan(0);
    expect(ms('tail')).toBeCloseTo(ms('gateway') + ms('cloud'), 2);
    expect(ms('link')).toBeCloseTo(ms('gateway-cloud') + ms('device-gateway'), 2);
    expect(ms('head') + ms('link') + ms('tail')).toBeLessThanOrEqual(ms('total'));
  });

  it('what a later call needs again is kept on the gateway and in the cloud, for many requests at once', async () => {
    const cloudUrl = await startCloud({'c-1': mul(5, 'b', 'c'), 'c-2': sumModel('c', 'd', 'e')});
    await putPart(
      'g-1',
      ['a'],
      ['b'],
      [run('s.onnx', ['a'], ['b']), call('cloud', cloudUrl, 'c-1', ['b'], [], {keeps: ['c']})],
      {'s.onnx': mul(3, 'a', 'b')},
    );
    await putPart(
      'g-2',
      ['d', 'b'],
      ['y'],
      [
        call('cloud', cloudUrl, 'c-2', ['d'], ['e'], {held: ['c'], isLast: true}),
        run('s.onnx', ['e', 'b'], ['y']),
      ],
      {'s.onnx': sumModel('e', 'b', 'y')},
    );
    await activateRelease(folder, {
      id: 'aaaaaaaaaaaaaaaa',
      port,
      inputs: ['x'],
      outputs: ['y'],
      graphs: {'1.onnx': mul(2, 'x', 'a'), '2.onnx': mul(7, 'b', 'd')},
      steps: [
        run('1.onnx', ['x'], ['a']),
        call('gateway', gatewayUrl(), 'g-1', ['a'], ['b'], {keeps: ['b']}),
        run('2.onnx', ['b'], ['d']),
        call('gateway', gatewayUrl(), 'g-2', ['d'], ['y'], {held: ['b'], isLast: true}),
      ],
    });
    await start();
    // x 2 = a; a 3 = b; b 5 = c; b 7 = d; c + d = e; e + b = y: 78 times what came in.
    const asked = Array.from({length: 20}, (_, at) => at + 1);
    const answers = await Promise.all(
      asked.map(value => client.infer('net', {inputs: {x: floats([1, 4], [value, 0, 1, 2])}})),
    );
    expect(answers.map(({outputs}) => numbersOf(outputs['y']))).toEqual(
      asked.map(value => [78 * value, 0, 78, 156]),
    );
  });

  it('one gateway serves several parts; new ones are loaded and removed ones let go without a request failing', async () => {
    for (const factor of [2, 3])
      await putPart(`times-${factor}`, ['x'], ['y'], [run('s.onnx', ['x'], ['y'])], {
        's.onnx': mul(factor, 'x', 'y'),
      });
    await putPart('broken', ['x'], ['y'], [run('s.onnx', ['x'], ['y'])], {'s.onnx': Uint8Array.of(1, 2)});
    gateway = await startGateway({home: gatewayHome, deadlineMs: 30_000, report: () => {}});
    expect(await readGatewayState()).toMatchObject({
      status: 'serving',
      parts: ['times-2', 'times-3'],
      failures: [{part: 'broken', code: 'model-rejected'}],
      host: '127.0.0.1',
      port: gatewayPort,
    });
    const direct = openProtocolClient(gatewayUrl());
    const times = async (factor: number) =>
      numbersOf((await direct.infer(`times-${factor}`, {inputs: {x: x()}})).outputs['y'])[3];
    expect(await Promise.all([2, 3, 2, 3].map(times))).toEqual([8, 12, 8, 12]);

    let isDone = false;
    const asking = (async () => {
      let count = 0;
      for (; !isDone; count++) expect(await times(2)).toBe(8);
      return count;
    })();
    await rm(join(gatewayHome, 'parts', 'times-3'), {recursive: true});
    await rm(join(gatewayHome, 'parts', 'broken'), {recursive: true});
    await putPart('times-5', ['x'], ['y'], [run('s.onnx', ['x'], ['y'])], {'s.onnx': mul(5, 'x', 'y')});
    await gateway.reload();
    isDone = true;
    expect(await asking).toBeGreaterThan(0);
    expect(await times(5)).toBe(20);
    await expect(times(3)).rejects.toThrow("'times-3' is not found");
    expect(await readGatewayState()).toMatchObject({
      parts: ['times-2', 'times-5'],
      failures: [],
      attempts: 2,
    });
    direct.close();
  });

  it('listens where it is told, and goes on where it was when that cannot be', async () => {
    gateway = await startGateway({home: gatewayHome, deadlineMs: 30_000, report: () => {}});
    await listenOn('203.0.113.1', gatewayPort);
    await gateway.reload();
    expect(await readGatewayState()).toMatchObject({
      status: 'serving',
      host: '127.0.0.1',
      error: {code: 'cannot-listen'},
    });
    expect((await fetch(`${gatewayUrl()}/v2/health/ready`)).status).toBe(200);
    const other = await findFreePort();
    await listenOn('127.0.0.1', other);
    await gateway.reload();
    expect(await readGatewayState()).toMatchObject({port: other, error: null});
    await expect(fetch(`${gatewayUrl()}/v2/health/ready`)).rejects.toThrow();
  });
});

describe('when a machine on the way is gone', () => {
  const deploy = async (cloudUrl: string) => {
    await putPart('g-1', ['x'], ['y'], [call('cloud', cloudUrl, 'c-1', ['x'], ['y'])]);
    await activateRelease(folder, {
      id: 'aaaaaaaaaaaaaaaa',
      port,
      inputs: ['x'],
      outputs: ['y'],
      graphs: {},
      steps: [call('gateway', gatewayUrl(), 'g-1', ['x'], ['y'])],
    });
    await start(1000);
  };

  it('the cloud behind the gateway: 503 that names both', async () => {
    await deploy(await startCloud({'c-1': mul(5, 'x', 'y')}));
    expect(await ask()).toEqual([200, '']);
    await cloud!.close();
    cloud = null;
    const [status, error] = await ask();
    expect(status).toBe(503);
    expect(error).toContain('the gateway the-gateway:');
    expect(error).toContain('the cloud the-cloud:');
  });

  it('the gateway: 503 that names it; a part it does not have: 502', async () => {
    await deploy(await startCloud({'c-1': mul(5, 'x', 'y')}));
    await rm(join(gatewayHome, 'parts', 'g-1'), {recursive: true});
    await gateway!.reload();
    expect(await ask()).toEqual([502, expect.stringContaining("'g-1' is not found")]);
    await gateway!.close();
    gateway = null;
    expect(await ask()).toEqual([503, expect.stringContaining('the gateway the-gateway:')]);
  });

  it('kept tensors that a restart lost are told as such', async () => {
    await putPart('g-2', ['x', 'b'], ['y'], [run('s.onnx', ['x', 'b'], ['y'])], {
      's.onnx': sumModel('x', 'b', 'y'),
    });
    await activateRelease(folder, {
      id: 'aaaaaaaaaaaaaaaa',
      port,
      inputs: ['x'],
      outputs: ['y'],
      graphs: {},
      steps: [call('gateway', gatewayUrl(), 'g-2', ['x'], ['y'], {held: ['b'], isLast: true})],
    });
    await start();
    expect(await ask()).toEqual([502, expect.stringContaining("'b' of request")]);
  });
});
