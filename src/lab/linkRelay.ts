import {Worker} from 'node:worker_threads';
import {EXIT, ExpectedError} from '../errors.ts';
import type {LinkConditions, LinkStatistics} from './linkConditions.ts';
import type {RelayAnswer, RelayRequest, RelayWorkerData} from './linkRelayWorker.ts';
import {siblingModule} from './siblingModule.ts';

export interface LinkRelayOptions {
  /** A port to take again; 0 or left out takes any free one. */
  readonly listenPort?: number;
  readonly targetHost: string;
  readonly targetPort: number;
  /** From those who connect to the target. */
  readonly upBitsPerSecond: number;
  readonly downBitsPerSecond: number;
  readonly roundTripMs: number;
  readonly jitterMs?: number;
  readonly lossRate?: number;
}

export interface LinkRelay {
  readonly port: number;
  /** Takes effect for what has not left yet; what is left out stays as it is. */
  setConditions(change: Partial<LinkConditions>): void;
  /** Where new connections lead. */
  setTarget(targetHost: string, targetPort: number): void;
  statistics(): Promise<LinkStatistics>;
  /** Cuts all connections. */
  close(): Promise<void>;
}

/**
 * Starts a TCP relay on loopback that is as slow and as far as the link it stands for.
 * @throws ExpectedError `port-taken`
 */
export async function startLinkRelay(options: LinkRelayOptions): Promise<LinkRelay> {
  let conditions: LinkConditions = {
    upBitsPerSecond: options.upBitsPerSecond,
    downBitsPerSecond: options.downBitsPerSecond,
    roundTripMs: options.roundTripMs,
    jitterMs: options.jitterMs ?? 0,
    lossRate: options.lossRate ?? 0,
    isUp: true,
  };
  const workerData: RelayWorkerData = {
    listenPort: options.listenPort ?? 0,
    targetHost: options.targetHost,
    targetPort: options.targetPort,
    conditions,
  };
  const worker = new Worker(siblingModule(import.meta.url, 'linkRelayWorker'), {
    workerData,
    name: 'edgewise-link',
  });
  const ask = (request: RelayRequest): void => worker.postMessage(request);
  const waiting = new Map<number, (statistics: LinkStatistics) => void>();
  let nextId = 1;
  const hasExited = new Promise<void>(resolve => worker.once('exit', () => resolve()));

  const port = await new Promise<number>((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', (answer: RelayAnswer) => {
      if (answer.kind === 'listening') resolve(answer.port);
      else if (answer.kind === 'statistics') {
        waiting.get(answer.id)?.(answer.statistics);
        waiting.delete(answer.id);
      } else {
        reject(
          new ExpectedError(
            'port-taken',
            `Port ${options.listenPort ?? 0} on 127.0.0.1, wanted for the link to the cloud, is taken.`,
            EXIT.commandFailed,
            {
              hints: [
                `Stop what listens on port ${options.listenPort ?? 0} (ss -ltnp shows it), then run the command again.`,
              ],
            },
          ),
        );
      }
    });
  });

  return {
    port,
    setConditions(change) {
      conditions = {...conditions, ...change};
      ask({kind: 'set-conditions', conditions});
    },
    setTarget(targetHost, targetPort) {
      ask({kind: 'set-target', targetHost, targetPort});
    },
    statistics() {
      const id = nextId;
      nextId += 1;
      return new Promise(resolve => {
        waiting.set(id, resolve);
        ask({kind: 'read-statistics', id});
      });
    },
    async close() {
      ask({kind: 'close'});
      await hasExited;
    },
  };
}
