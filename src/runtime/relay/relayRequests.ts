import type {IncomingHttpHeaders, IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import {messageOf} from '../../errors.ts';
import {http} from '../nodeHttp.ts';
import {timingsFromServerTiming} from '../protocol/serverTiming.ts';
import {repetitionFrom, timesHeaders, type Repetition} from './repetition.ts';

/** Whoever started it may be gone without a word: then it ends by itself. */
const LONGEST_REST_MS = 600_000;

export interface RequestRelay {
  readonly port: number;
  /** It was told to end (`DELETE /end`), or has not been asked for long. */
  readonly isDone: Promise<void>;
  close(): Promise<void>;
}

/**
 * Takes requests from elsewhere and asks an endpoint of this machine, as a program here would: the whole body is there
 * before the asking begins, and nothing of how it came is in the endpoint's times. `pauseMs` lies in between, in which
 * this machine gets over receiving it. A request that is to be repeated (see Repetition) is answered by its last answer, or the
 * first that is not a success, and what the endpoint said that each took.
 */
export async function startRequestRelay(targetPort: number, pauseMs: number): Promise<RequestRelay> {
  const agentOptions = {keepAlive: true, noDelay: true} as const;
  const agent = new http.Agent(agentOptions);
  let end = (): void => {};
  const isDone = new Promise<void>(resolve => (end = resolve));
  const timer = setTimeout(() => end(), LONGEST_REST_MS);
  const server = http.createServer({noDelay: true}, (request, response) => {
    timer.refresh();
    if (request.method === 'DELETE' && request.url === '/end') {
      response.writeHead(204).end(() => end());
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const repetition = repetitionFrom(request.headers);
      const answering =
        repetition === null ? passOn(request, body, pauseMs) : repeat(request, body, repetition);
      answering.then(
        ({status, headers, body}) => response.writeHead(status, headers).end(body),
        (error: unknown) => response.writeHead(502).end(JSON.stringify({error: messageOf(error)})),
      );
    });
  });

  async function repeat(incoming: IncomingMessage, body: Buffer, wanted: Repetition): Promise<Answer> {
    const endMs = performance.now() + wanted.withinMs;
    const timesMs: number[] = [];
    for (;;) {
      const answer = await passOn(incoming, body, wanted.pauseMs);
      const isAnswered = answer.status >= 200 && answer.status < 300;
      if (isAnswered) timesMs.push(totalMsOf(answer));
      const isEnough =
        timesMs.length >= wanted.atMost || (timesMs.length >= wanted.atLeast && performance.now() >= endMs);
      if (!isAnswered || isEnough) return {...answer, headers: {...answer.headers, ...timesHeaders(timesMs)}};
    }
  }

  async function passOn(incoming: IncomingMessage, body: Buffer, pauseMs: number): Promise<Answer> {
    await delay(pauseMs);
    const startedMs = performance.now();
    return new Promise((resolve, reject) => {
      const target = {
        agent,
        host: '127.0.0.1',
        port: targetPort,
        path: incoming.url,
        method: incoming.method,
      };
      const request = http.request({...target, headers: incoming.headers}, answer => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 502,
            headers: answer.headers,
            body: Buffer.concat(chunks),
            wallMs: performance.now() - startedMs,
          }),
        );
        answer.on('error', reject);
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    isDone,
    async close() {
      clearTimeout(timer);
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly wallMs: number;
}

/** As the endpoint measured it, or, where it says nothing, as it was seen from here. */
function totalMsOf({headers, wallMs}: Answer): number {
  return timingsFromServerTiming(headers['server-timing']).get('total') ?? wallMs;
}
