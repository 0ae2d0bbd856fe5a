import http from 'node:http';
import type {AddressInfo} from 'node:net';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {startRequestRelay, type RequestRelay} from '../../src/runtime/relayRequests.ts';

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

function ask(body: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${relay.port}/v2/models/m/infer`, {
    method: 'POST',
    headers: {'inference-header-content-length': '12'},
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
