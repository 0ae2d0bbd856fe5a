import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {agentStatisticsSchema, type AgentStatistics} from '../../src/documents/agentStatistics.ts';
import {openStatistics} from '../../src/runtime/agent/statistics.ts';
import {startAgent, type Agent} from '../../src/runtime/agent/startAgent.ts';
import {openProtocolClient, type ProtocolClient} from '../../src/runtime/client.ts';
import {findFreePort} from './freePort.ts';
import {activateRelease} from './agentHome.ts';
import {arithmeticModel, floats} from './smallModels.ts';

const FIRST = '1'.repeat(16);
const SECOND = '2'.repeat(16);
let home: string;
let port: number;
let agent: Agent | null = null;
let client: ProtocolClient;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'edgewise-statistics-'));
  port = await findFreePort();
  client = openProtocolClient(`http://127.0.0.1:${port}`);
});
afterEach(async () => {
  client.close();
  await agent?.close();
  agent = null;
  await rm(home, {recursive: true, force: true});
});

const release = (id: string, constant: number, tail?: {url: string}) =>
  activateRelease(home, {
    id,
    port,
    inputs: ['x'],
    outputs: ['y'],
    ...(tail === undefined
      ? {head: {graph: arithmeticModel('Add', constant), inputs: ['x'], outputs: ['y']}}
      : {tail: {...tail, modelName: 'gone', inputs: ['x'], outputs: ['y']}}),
  });
const ask = (...values: number[]) => client.infer('net', {inputs: {x: floats([1, 4], values)}});
async function statistics(): Promise<AgentStatistics> {
  const answer = await fetch(`http://127.0.0.1:${port}/v2/edgewise/statistics`);
  expect(answer.status).toBe(200);
  return agentStatisticsSchema.parse(await answer.json());
}
const start = async () => (agent = await startAgent({home, cloudDeadlineMs: 500, report: () => {}}));

it('the agent counts requests, their latency and the classes of their answers', async () => {
  await release(FIRST, 1);
  await start();
  await ask(9, 1, 1, 1);
  await ask(1, 1, 9, 1);
  await ask(1, 1, 9, 1);
  const {current, previous} = await statistics();
  expect(previous).toBeNull();
  expect(current).toMatchObject({
    release: FIRST,
    requests: 3,
    errors: 0,
    classes: {'0': 1, '2': 2},
    restarts: 0,
  });
  expect(Object.values(current?.latency ?? {}).reduce((sum, count) => sum + count, 0)).toBe(3);
  expect(current?.residentBytes).toBeGreaterThan(1e7);
});

it('a wrong request is not the release failing, a cloud that does not answer is', async () => {
  await release(FIRST, 1, {url: 'http://127.0.0.1:9'});
  await start();
  await expect(client.infer('net', {inputs: {y: floats([1, 4], [1, 2, 3, 4])}})).rejects.toThrow();
  expect((await statistics()).current).toMatchObject({requests: 0, errors: 0});
  await expect(ask(1, 2, 3, 4)).rejects.toThrow();
  expect((await statistics()).current).toMatchObject({requests: 1, errors: 1});
});

it('what was counted for the release before stays there to compare with, also through another process', async () => {
  await release(FIRST, 1);
  const first = await start();
  await ask(1, 2, 3, 4);
  await release(SECOND, 2);
  await first.reload();
  await ask(4, 3, 2, 1);
  expect(await statistics()).toMatchObject({
    current: {release: SECOND, requests: 1, classes: {'0': 1}},
    previous: {release: FIRST, requests: 1, classes: {'3': 1}},
  });
  await first.close();
  await start();
  expect(await statistics()).toMatchObject({
    current: {release: SECOND, requests: 0, restarts: 0},
    previous: {release: FIRST, requests: 1},
  });
});

it('an agent that died is a restart, one that was ended or whose device was, is none', async () => {
  const open = async (bootId: string) => {
    const opened = await openStatistics(home, bootId, async () => null);
    await opened.begin(FIRST);
    return opened;
  };
  await open('boot-1');
  const second = await open('boot-1');
  expect(second.read().current?.restarts).toBe(1);
  expect((await open('boot-2')).read().current?.restarts).toBe(1);
  const ended = await open('boot-2');
  expect(ended.read().current?.restarts).toBe(2);
  await ended.close();
  expect((await open('boot-2')).read().current?.restarts).toBe(2);
});
