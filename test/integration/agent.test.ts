import {existsSync} from 'node:fs';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import net from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {DeployedFallback, DeployedStep} from '../../src/documents/deployedSteps.ts';
import {startAgent, type Agent} from '../../src/runtime/agent/startAgent.ts';
import {openProtocolClient, type ProtocolClient} from '../../src/runtime/client.ts';
import {startServer, type Server} from '../../src/runtime/server/startServer.ts';
import {findFreePort} from './freePort.ts';
import {activateRelease, readState, spec, type ReleaseParts} from './agentHome.ts';
import {arithmeticModel, floats, numbersOf, sumModel} from './smallModels.ts';

let home: string;
let port: number;
let agent: Agent | null = null;
let cloud: Server | null = null;
let client: ProtocolClient;
const x = () => floats([1, 4], [1, 2, 3, 4]);

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'edgewise-agent-'));
  port = await findFreePort();
  client = openProtocolClient(`http://127.0.0.1:${port}`);
});
afterEach(async () => {
  client.close();
  await agent?.close();
  await cloud?.close();
  agent = null;
  cloud = null;
  await rm(home, {recursive: true, force: true});
});

async function startCloud(models: Record<string, Uint8Array>): Promise<string> {
  const modelRepository = join(home, 'cloud');
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

async function start(cloudDeadlineMs = 5000): Promise<Agent> {
  agent = await startAgent({home, cloudDeadlineMs, report: () => {}});
  return agent;
}

const local = (id: string, constant: number): ReleaseParts => ({
  id,
  port,
  inputs: ['x'],
  outputs: ['y'],
  head: {graph: arithmeticModel('Add', constant), inputs: ['x'], outputs: ['y']},
});
const A = 'aaaaaaaaaaaaaaaa';
const B = 'bbbbbbbbbbbbbbbb';

async function statusOf(inputs = {x: x()}): Promise<[number, string]> {
  const body = JSON.stringify({
    inputs: Object.entries(inputs).map(([name, tensor]) => ({
      name,
      datatype: 'FP32',
      shape: tensor.shape,
      data: numbersOf(tensor),
    })),
  });
  const answer = await fetch(`http://127.0.0.1:${port}/v2/models/net/infer`, {method: 'POST', body});
  return [answer.status, ((await answer.json()) as {error?: string}).error ?? ''];
}

describe('where the layers are', () => {
  it('all here: answers alone, under the model’s own name', async () => {
    await activateRelease(home, local(A, 1));
    await start();
    const {outputs, serverTiming} = await client.infer('net', {inputs: {x: x()}});
    expect(numbersOf(outputs['y'])).toEqual([2, 3, 4, 5]);
    expect([...serverTiming.keys()]).toEqual(['total', 'head', 'link', 'tail']);
    expect([serverTiming.get('link'), serverTiming.get('tail')]).toEqual([0, 0]);
    expect((await client.readModelMetadata('net')).inputs).toEqual([
      {name: 'x', datatype: 'FP32', shape: [1, 4]},
    ]);
    expect(readState(home)).toMatchObject({
      status: 'serving',
      release: A,
      port,
      pid: process.pid,
      attempts: 1,
      error: null,
    });
  });

  it('split: the boundary tensor goes up, the answer comes back', async () => {
    const url = await startCloud({tail: arithmeticModel('Add', 100, {input: 'mid', output: 'y'})});
    await activateRelease(home, {
      ...local(A, 0),
      head: {graph: arithmeticModel('Mul', 3, {output: 'mid'}), inputs: ['x'], outputs: ['mid']},
      tail: {url, modelName: 'tail', inputs: ['mid'], outputs: ['y']},
    });
    await start();
    const {outputs, serverTiming} = await client.infer('net', {inputs: {x: x()}});
    expect(numbersOf(outputs['y'])).toEqual([103, 106, 109, 112]);
    const part = (name: string) => serverTiming.get(name)!;
    for (const name of ['head', 'link', 'tail']) expect(part(name)).toBeGreaterThan(0);
    expect(part('head') + part('link') + part('tail')).toBeLessThanOrEqual(part('total'));
  });

  it.each([false, true])('all in the cloud: inputs are passed on, packed: %s', async isPacked => {
    const url = await startCloud({tail: arithmeticModel('Mul', 7)});
    await activateRelease(home, {
      id: A,
      port,
      inputs: ['x'],
      outputs: ['y'],
      tail: {url, modelName: 'tail', inputs: ['x'], outputs: ['y'], isPacked},
    });
    await start();
    const {outputs, serverTiming} = await client.infer('net', {inputs: {x: x()}});
    expect(numbersOf(outputs['y'])).toEqual([7, 14, 21, 28]);
    expect(serverTiming.get('head')).toBe(0);
  });

  it('mixed: the tail reads an input too, and an output comes from the head', async () => {
    const url = await startCloud({tail: sumModel('mid', 'x', 'y')});
    await activateRelease(home, {
      ...local(A, 0),
      outputs: ['mid', 'y'],
      head: {graph: arithmeticModel('Mul', 10, {output: 'mid'}), inputs: ['x'], outputs: ['mid']},
      tail: {url, modelName: 'tail', inputs: ['mid', 'x'], outputs: ['y']},
    });
    await start();
    const {outputs} = await client.infer('net', {inputs: {x: x()}});
    expect(numbersOf(outputs['mid'])).toEqual([10, 20, 30, 40]);
    expect(numbersOf(outputs['y'])).toEqual([11, 22, 33, 44]);
    // What the head alone can answer needs no cloud.
    await cloud!.close();
    cloud = null;
    const fromHead = await client.infer('net', {inputs: {x: x()}, outputs: ['mid']});
    expect(numbersOf(fromHead.outputs['mid'])).toEqual([10, 20, 30, 40]);
  });
});

describe('when the cloud fails', () => {
  const split = (url: string): ReleaseParts => ({
    ...local(A, 0),
    head: {graph: arithmeticModel('Mul', 3, {output: 'mid'}), inputs: ['x'], outputs: ['mid']},
    tail: {url, modelName: 'tail', inputs: ['mid'], outputs: ['y']},
  });

  it('silent: 503 at the deadline', async () => {
    const silent = net.createServer(() => {});
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
    await activateRelease(home, split(`http://127.0.0.1:${(silent.address() as net.AddressInfo).port}`));
    await start(200);
    const [status, error] = await statusOf();
    expect([status, error.includes('within 200 ms')]).toEqual([503, true]);
    silent.close();
  });

  it('gone: 503, and well again once the cloud is back', async () => {
    const url = await startCloud({tail: arithmeticModel('Add', 1, {input: 'mid', output: 'y'})});
    await activateRelease(home, split(url));
    await start();
    expect((await statusOf())[0]).toBe(200);
    const cloudPort = cloud!.port;
    await cloud!.close();
    expect((await statusOf())[0]).toBe(503);
    const modelRepository = join(home, 'cloud');
    cloud = await startServer({
      host: '127.0.0.1',
      port: cloudPort,
      modelRepository,
      allowModelControl: false,
      threads: 1,
    });
    expect((await statusOf())[0]).toBe(200);
  });

  it('refusing: 502 with its words', async () => {
    await activateRelease(home, split(await startCloud({})));
    await start();
    const [status, error] = await statusOf();
    expect(status).toBe(502);
    expect(error).toContain("404: Request for unknown model: 'tail' is not found");
  });

  it('the caller’s own mistakes are still the caller’s', async () => {
    await activateRelease(home, split(await startCloud({})));
    await start();
    const [status, error] = await statusOf({x: floats([1, 2], [1, 2])});
    expect([status, error]).toEqual([400, 'Input "x" has shape [1,2]; the model expects [1,4].']);
  });
});

describe('a release with a fallback', () => {
  const run = (graph: string, input: string, output: string): DeployedFallback['steps'][number] => ({
    kind: 'run',
    graph,
    inputs: [spec(input)],
    outputs: [spec(output)],
  });
  /** x 3 = mid here, mid + 100 = y in the cloud, or here when that is gone. */
  const withFallback = (url: string, afterMs: number): ReleaseParts => ({
    id: A,
    port,
    inputs: ['x'],
    outputs: ['y'],
    head: {graph: arithmeticModel('Mul', 3, {output: 'mid'}), inputs: ['x'], outputs: ['mid']},
    tail: {url, modelName: 'tail', inputs: ['mid'], outputs: ['y']},
    graphs: {'rest.onnx': arithmeticModel('Add', 100, {input: 'mid', output: 'y'})},
    fallback: {steps: [run('rest.onnx', 'mid', 'y')], afterMs},
  });
  const ask = async (): Promise<[number[], boolean]> => {
    const {outputs, serverTiming} = await client.infer('net', {inputs: {x: x()}});
    return [numbersOf(outputs['y']), serverTiming.has('fallback')];
  };
  const EXPECTED = [103, 106, 109, 112];

  it('answers alone from what it has when the cloud is gone, and asks it again once it is back', async () => {
    const url = await startCloud({tail: arithmeticModel('Add', 100, {input: 'mid', output: 'y'})});
    await activateRelease(home, withFallback(url, 2000));
    await start();
    expect(await ask()).toEqual([EXPECTED, false]);
    const {port: cloudPort} = cloud!;
    await cloud!.close();
    for (let time = 0; time < 50; time++) expect(await ask()).toEqual([EXPECTED, true]);
    const modelRepository = join(home, 'cloud');
    const options = {host: '127.0.0.1', modelRepository, allowModelControl: false, threads: 1};
    cloud = await startServer({...options, port: cloudPort});
    await expect.poll(ask, {timeout: 20_000}).toEqual([EXPECTED, false]);
  });

  it('waits for a silent cloud once, no longer than its patience', async () => {
    const silent = net.createServer(() => {});
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
    const {port: silentPort} = silent.address() as net.AddressInfo;
    await activateRelease(home, withFallback(`http://127.0.0.1:${silentPort}`, 1000));
    await start(60_000);
    const startedMs = performance.now();
    for (let time = 0; time < 20; time++) expect(await ask()).toEqual([EXPECTED, true]);
    // Twenty times its patience would be twenty seconds.
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    silent.close();
  });

  it('answers alone as well when the cloud refuses, but leaves the caller his own mistakes', async () => {
    await activateRelease(home, withFallback(await startCloud({}), 2000));
    await start();
    expect(await ask()).toEqual([EXPECTED, true]);
    expect((await statusOf({x: floats([1, 2], [1, 2])}))[0]).toBe(400);
  });

  it('of several calls starts over from the inputs, although runs have had them', async () => {
    const url = await startCloud({one: arithmeticModel('Mul', 2, {input: 'a', output: 'b'})});
    const call = (modelName: string, input: string, output: string): DeployedStep => ({
      kind: 'call',
      tier: 'cloud',
      machine: 'cloud',
      url,
      modelName,
      inputs: [spec(input)],
      outputs: [spec(output)],
      held: [],
      keeps: [],
      isLast: false,
    });
    await activateRelease(home, {
      id: A,
      port,
      inputs: ['x'],
      outputs: ['y'],
      graphs: {
        '1.onnx': arithmeticModel('Mul', 3, {output: 'a'}),
        '2.onnx': arithmeticModel('Add', 1, {input: 'b', output: 'c'}),
        'rest.onnx': arithmeticModel('Add', 50),
      },
      steps: [
        run('1.onnx', 'x', 'a'),
        call('one', 'a', 'b'),
        run('2.onnx', 'b', 'c'),
        call('missing', 'c', 'y'),
      ],
      fallback: {steps: [run('rest.onnx', 'x', 'y')], afterMs: 2000},
    });
    await start();
    expect(await ask()).toEqual([[51, 52, 53, 54], true]);
  });
});

describe('a new release', () => {
  it('replaces the old one without failing one request', async () => {
    await activateRelease(home, local(A, 1));
    const running = await start();
    let isDone = false;
    const seen: number[] = [];
    const asking = (async () => {
      while (!isDone) seen.push(numbersOf((await client.infer('net', {inputs: {x: x()}})).outputs['y'])[0]!);
    })();
    await activateRelease(home, local(B, 10));
    await running.reload();
    expect(readState(home)).toMatchObject({status: 'serving', release: B, attempts: 2, error: null});
    expect(numbersOf((await client.infer('net', {inputs: {x: x()}})).outputs['y'])[0]).toBe(11);
    isDone = true;
    await asking;
    const firstNew = seen.indexOf(11);
    expect(seen.slice(0, firstNew).every(value => value === 2)).toBe(true);
    expect(seen.slice(firstNew).every(value => value === 11)).toBe(true);
  });

  it('may move to another port', async () => {
    await activateRelease(home, local(A, 1));
    const running = await start();
    const newPort = await findFreePort();
    await activateRelease(home, {...local(B, 10), port: newPort});
    await running.reload();
    expect(readState(home)).toMatchObject({port: newPort, release: B});
    await expect(fetch(`http://127.0.0.1:${port}/v2/health/live`)).rejects.toThrow();
    expect((await fetch(`http://127.0.0.1:${newPort}/v2/health/ready`)).status).toBe(200);
  });

  it.each([
    [
      'its model does not load',
      'model-rejected',
      async () => {
        await activateRelease(home, {
          ...local(B, 0),
          head: {graph: Uint8Array.of(1, 2, 3), inputs: ['x'], outputs: ['y']},
        });
      },
    ],
    [
      'a file is cut off',
      'release-damaged',
      async () => {
        await activateRelease(home, local(B, 5));
        await writeFile(join(home, 'releases', B, 'head.onnx'), arithmeticModel('Add', 5).subarray(0, 50));
      },
    ],
    [
      'its document is not valid',
      'invalid-release',
      async () => {
        await activateRelease(home, local(B, 5));
        await writeFile(join(home, 'current/release.json'), '{"kind":"edgewise/release"}');
      },
    ],
    [
      'its document is gone',
      'no-release',
      async () => {
        await activateRelease(home, local(B, 5));
        await rm(join(home, 'current/release.json'));
      },
    ],
    [
      'its port is taken',
      'port-in-use',
      async () => {
        const other = await startCloud({});
        await activateRelease(home, {...local(B, 5), port: Number(new URL(other).port)});
      },
    ],
  ])('leaves the old one serving when %s', async (_, code, breakRelease) => {
    await activateRelease(home, local(A, 1));
    const running = await start();
    await breakRelease();
    await running.reload();
    expect(readState(home)).toMatchObject({status: 'serving', release: A, attempts: 2, error: {code}});
    expect(numbersOf((await client.infer('net', {inputs: {x: x()}})).outputs['y'])[0]).toBe(2);
  });

  it('is served by an agent that clears away what a power cut left of its state', async () => {
    const left = join(home, '.state.json.0badcafe.partial');
    await writeFile(left, '{"kind":');
    await activateRelease(home, local(A, 1));
    await start();
    expect(existsSync(left)).toBe(false);
    expect(readState(home)?.status).toBe('serving');
  });

  it('is awaited by an agent that has nothing to serve yet', async () => {
    const running = await start();
    expect(readState(home)).toMatchObject({status: 'failed', release: null, error: {code: 'no-release'}});
    await activateRelease(home, local(A, 1));
    await running.reload();
    expect(readState(home)).toMatchObject({status: 'serving', release: A, error: null});
  });
});
