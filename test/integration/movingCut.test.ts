import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {CutStatistics} from '../../src/documents/agentStatistics.ts';
import type {PreparedCuts} from '../../src/documents/release.ts';
import {startLinkRelay, type LinkRelay} from '../../src/lab/linkRelay.ts';
import {startAgent, type Agent} from '../../src/runtime/agent/startAgent.ts';
import {openProtocolClient, type ProtocolClient} from '../../src/runtime/client.ts';
import {startServer, type Server} from '../../src/runtime/server/startServer.ts';
import {findFreePort} from './freePort.ts';
import {activateRelease, specOf} from './agentHome.ts';
import {arithmeticModel, floats, numbersOf} from './smallModels.ts';

/** 20 kB: 20 ms at 8 Mbit/s. */
const SIZE = 5000;
const SHAPE = [1, SIZE];
const x = floats(
  SHAPE,
  Array.from({length: SIZE}, (_, at) => at),
);
const expected = Array.from({length: SIZE}, (_, at) => at * 3);
const FAST = 8e6;
const SLOW = 0.5e6;

let home: string;
let port: number;
let cloud: Server;
let relay: LinkRelay;
let agent: Agent;
let client: ProtocolClient;
const log: string[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'edgewise-moving-'));
  port = await findFreePort();
  const modelRepository = join(home, 'cloud');
  await mkdir(join(modelRepository, 'all/1'), {recursive: true});
  await writeFile(join(modelRepository, 'all/1/model.onnx'), arithmeticModel('Mul', 3, {dims: SHAPE}));
  cloud = await startServer({
    host: '127.0.0.1',
    port: 0,
    modelRepository,
    allowModelControl: false,
    threads: 1,
  });
  const rates = {upBitsPerSecond: FAST, downBitsPerSecond: FAST, roundTripMs: 2};
  relay = await startLinkRelay({targetHost: '127.0.0.1', targetPort: cloud.port, ...rates});
  client = openProtocolClient(`http://127.0.0.1:${port}`);
  log.length = 0;
});
afterEach(async () => {
  client.close();
  await agent.close();
  await relay.close();
  await cloud.close();
  await rm(home, {recursive: true, force: true});
});

/** Everything in the cloud above 2 Mbit/s, everything here below. */
function cuts(afterMs: number): PreparedCuts {
  const inputs = [specOf('x', SHAPE)];
  const outputs = [specOf('y', SHAPE)];
  const tail = {url: `http://127.0.0.1:${relay.port}`, modelName: 'all', inputs, outputs};
  return {
    bytesPerSecond: FAST / 8,
    first: 1,
    table: [
      {
        name: 'device only',
        ...{fromBytesPerSecond: 0, toBytesPerSecond: 250_000, transferMs: 0, fixedLinkMs: 0, cloudMs: 0},
        head: {graph: 'here.onnx', inputs, outputs},
      },
      {
        name: 'cloud only',
        ...{fromBytesPerSecond: 250_000, toBytesPerSecond: null, transferMs: 40, fixedLinkMs: 4, cloudMs: 1},
        tail,
        fallback: {steps: [{kind: 'run', graph: 'here.onnx', inputs, outputs}], afterMs},
      },
    ],
  };
}

async function start(afterMs = 5000): Promise<void> {
  await activateRelease(home, {
    id: 'aaaaaaaaaaaaaaaa',
    port,
    inputs: ['x'],
    outputs: ['y'],
    shape: SHAPE,
    cuts: cuts(afterMs),
    graphs: {'here.onnx': arithmeticModel('Mul', 3, {dims: SHAPE})},
  });
  agent = await startAgent({home, cloudDeadlineMs: 10_000, report: line => log.push(line)});
}

/** Several at once, each answered rightly whatever serves. */
async function ask(count = 1): Promise<void> {
  const answers = await Promise.all(Array.from({length: count}, () => client.infer('net', {inputs: {x}})));
  for (const {outputs} of answers) expect(numbersOf(outputs['y'])).toEqual(expected);
}

async function readCuts(): Promise<CutStatistics> {
  const answer = await fetch(`http://127.0.0.1:${port}/v2/edgewise/statistics`);
  const {current} = (await answer.json()) as {
    current: {cuts?: CutStatistics; requests: number; errors: number};
  };
  expect(current.errors).toBe(0);
  return current.cuts!;
}

async function askUntil(serving: string, timeoutMs = 20_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while ((await readCuts()).serving !== serving) {
    if (performance.now() > endMs) throw new Error(`${serving} does not serve: ${log.join('\n')}`);
    await ask(2);
  }
}

describe('a release with several cuts', () => {
  it('begins with the plan’s own and stays there while the link is as it was', async () => {
    await start();
    for (let at = 0; at < 8; at++) await ask();
    const {serving, moves, bytesPerSecond, requests} = await readCuts();
    expect({serving, moves}).toEqual({serving: 'cloud only', moves: 0});
    expect(requests).toEqual({'cloud only': 8});
    expect(bytesPerSecond! / (FAST / 8)).toBeGreaterThan(0.5);
  });

  it('moves when the link gets slower and back when it recovers; every answer is right', async () => {
    await start();
    await ask(2);
    relay.setConditions({upBitsPerSecond: SLOW, downBitsPerSecond: SLOW});
    await askUntil('device only');
    expect((await readCuts()).moves).toBe(1);
    relay.setConditions({upBitsPerSecond: FAST, downBitsPerSecond: FAST});
    await askUntil('cloud only');
    const {moves, requests} = await readCuts();
    expect(moves).toBe(2);
    expect(requests['device only']).toBeGreaterThan(0);
    expect(log.filter(line => line.startsWith('the cut has moved'))).toHaveLength(2);
    // The session of the cut that it came from is closed, and the one that serves answers.
    await ask(4);
  });

  it('moves as well where calls are given up before they are answered', async () => {
    await start(600);
    await ask();
    relay.setConditions({upBitsPerSecond: 50_000, downBitsPerSecond: 50_000});
    await askUntil('device only');
    expect((await readCuts()).requests['cloud only']).toBeGreaterThan(1);
  });

  it('a cut that cannot be opened leaves the other in place', async () => {
    await start();
    await rm(join(home, 'releases/aaaaaaaaaaaaaaaa/here.onnx'));
    relay.setConditions({upBitsPerSecond: SLOW, downBitsPerSecond: SLOW});
    while (!log.some(line => line.startsWith('the cut stays'))) await ask();
    await ask(2);
    expect(await readCuts()).toMatchObject({serving: 'cloud only', moves: 0});
  });
});
