import type {IncomingHttpHeaders, IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import {messageOf} from '../errors.ts';
import {http} from './nodeHttp.ts';

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
 * this machine gets over receiving it.
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
      passOn(request, Buffer.concat(chunks)).then(
        ({status, headers, body}) => response.writeHead(status, headers).end(body),
        (error: unknown) => response.writeHead(502).end(JSON.stringify({error: messageOf(error)})),
      );
    });
  });

  async function passOn(incoming: IncomingMessage, body: Buffer): Promise<Answer> {
    await delay(pauseMs);
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
          resolve({status: answer.statusCode ?? 502, headers: answer.headers, body: Buffer.concat(chunks)}),
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
}
