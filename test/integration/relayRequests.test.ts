import http from 'node:http';
import type {AddressInfo} from 'node:net';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {openProtocolClient} from '../../src/runtime/client.ts';
import {startOwnEndpoint} from '../../src/runtime/measure/ownEndpoint.ts';
import {askRepeatedly} from '../../src/runtime/relay/askRepeatedly.ts';
import {startRequestRelay, type RequestRelay} from '../../src/runtime/relay/relayRequests.ts';
import {repetitionHeaders, timesFrom} from '../../src/runtime/relay/repetition.ts';
import {ECHO_MODEL, makeEchoModel} from '../../src/runtime/server/echoModel.ts';

const PAUSE_MS = 30;

let endpoint: http.Server;
let heard: {url: string; field: unknown; body: string; atMs: number}[];
let relay: RequestRelay;

beforeEach(async () => {
  heard = [];
  endpoint = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const {url = '', headers} = request;
      heard.push({url, field: headers['inference-header-content-length'], body, atMs: performance.now()});
      response
        .writeHead(body === 'bad' ? 400 : 200, {'server-timing': 'total;dur=1.5'})
        .end(`answer to ${body}`);
    });
  });
  await new Promise<void>(resolve => endpoint.listen(0, '127.0.0.1', () => resolve()));
  relay = await startRequestRelay((endpoint.address() as AddressInfo).port, PAUSE_MS);
});
afterEach(async () => {
  await relay.close();
  endpoint.closeAllConnections();
  endpoint.close();
});

function ask(body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${relay.port}/v2/models/m/infer`, {
    method: 'POST',
    headers: {'inference-header-content-length': '12', ...headers},
    body,
  });
}

it('asks the endpoint what it was asked, after a pause, and hands the answer back with its status and times', async () => {
  const body = 'x'.repeat(300_000);
  const startMs = performance.now();
  const answer = await ask(body);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('server-timing')).toBe('total;dur=1.5');
  expect(await answer.text()).toBe(`answer to ${body}`);
  expect(heard).toMatchObject([{url: '/v2/models/m/infer', field: '12', body}]);
  expect((heard[0]?.atMs ?? 0) - startMs).toBeGreaterThanOrEqual(PAUSE_MS - 1);
  expect((await ask('bad')).status).toBe(400);
});

it('says so when the endpoint is gone', async () => {
  endpoint.closeAllConnections();
  await new Promise<void>(resolve => endpoint.close(() => resolve()));
  const answer = await ask('lost');
  expect(answer.status).toBe(502);
  expect(await answer.json()).toMatchObject({error: expect.stringContaining('ECONNREFUSED') as unknown});
});

it('is done when it is told to end, and asks nobody for that', async () => {
  const answer = await fetch(`http://127.0.0.1:${relay.port}/end`, {method: 'DELETE'});
  expect(answer.status).toBe(204);
  await relay.isDone;
  expect(heard).toEqual([]);
});

describe('a request that is to be repeated', () => {
  const times = (answer: Response) => timesFrom(Object.fromEntries(answer.headers));

  it('is sent here once, and asked as often as wanted, with its own pauses', async () => {
    const headers = repetitionHeaders({atLeast: 1, atMost: 4, withinMs: 10_000, pauseMs: 5});
    const answer = await ask('again', headers);
    expect(await answer.text()).toBe('answer to again');
    expect(times(answer)).toEqual([1.5, 1.5, 1.5, 1.5]);
    expect(heard.map(({body}) => body)).toEqual(['again', 'again', 'again', 'again']);
    for (const [index, {atMs}] of heard.entries())
      expect(atMs - (heard[index - 1]?.atMs ?? 0)).toBeGreaterThanOrEqual(4);
  });

  it('is asked no more once its time is over and it was asked often enough', async () => {
    const answer = await ask('again', repetitionHeaders({atLeast: 3, atMost: 900, withinMs: 0, pauseMs: 0}));
    expect(times(answer)).toHaveLength(3);
    expect(heard).toHaveLength(3);
  });

  it('ends with the first answer that is no success', async () => {
    const answer = await ask('bad', repetitionHeaders({atLeast: 5, atMost: 5, withinMs: 0, pauseMs: 0}));
    expect(answer.status).toBe(400);
    expect(heard).toHaveLength(1);
  });

  it('is passed on once where the field says nothing that can be done', async () => {
    for (const wanted of ['', 'x', '1 2', '3 2 0 0', '1 1001 0 0', '0 1 0 0', '1 2 -1 0']) {
      const answer = await ask('once', {'edgewise-repetition': wanted});
      expect(times(answer)).toBeNull();
    }
    expect(heard).toHaveLength(7);
  });
});

describe('askRepeatedly', () => {
  const inputs = {data: {elementType: 'uint8', shape: [3], bytes: new Uint8Array([1, 2, 3])}} as const;
  const repetition = {atLeast: 2, atMost: 6, withinMs: 10_000, pauseMs: 1};

  it('has as many times through a relay as from the endpoint itself, which is asked each time', async () => {
    let asked = 0;
    const echo = makeEchoModel();
    const server = await startOwnEndpoint([
      {
        ...echo,
        infer(request) {
          asked++;
          return echo.infer(request);
        },
      },
    ]);
    const before = await startRequestRelay(server.port, 0);
    try {
      for (const port of [server.port, before.port]) {
        asked = 0;
        const client = openProtocolClient(`http://127.0.0.1:${port}`);
        const timesMs = await askRepeatedly(client, ECHO_MODEL, inputs, repetition);
        client.close();
        expect(timesMs).toHaveLength(6);
        for (const ms of timesMs) expect(ms).toBeGreaterThan(0);
        expect(asked).toBe(6);
      }
    } finally {
      await before.close();
      await server.close();
    }
  });

  it('fails with the request that fails', async () => {
    const server = await startOwnEndpoint([makeEchoModel()]);
    const before = await startRequestRelay(server.port, 0);
    const client = openProtocolClient(`http://127.0.0.1:${before.port}`);
    try {
      await expect(askRepeatedly(client, 'nobody', inputs, repetition)).rejects.toMatchObject({
        code: 'cloud-error',
        message: expect.stringContaining('404') as unknown,
      });
    } finally {
      client.close();
      await before.close();
      await server.close();
    }
  });
});
