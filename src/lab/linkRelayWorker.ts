import {connect, createServer, type Socket} from 'node:net';
import {parentPort, workerData} from 'node:worker_threads';
import type {LinkConditions, LinkStatistics} from './linkConditions.ts';
import {LinkDirection, type DirectionConditions, type Flow, type LinkItem} from './linkDirection.ts';

// The relay's own thread: in the daemon's main thread one busy file transfer would make every delay late.

export interface RelayWorkerData {
  readonly listenPort: number;
  readonly targetHost: string;
  readonly targetPort: number;
  readonly conditions: LinkConditions;
}

export type RelayRequest =
  | {readonly kind: 'set-conditions'; readonly conditions: LinkConditions}
  | {readonly kind: 'set-target'; readonly targetHost: string; readonly targetPort: number}
  | {readonly kind: 'read-statistics'; readonly id: number}
  | {readonly kind: 'close'};

export type RelayAnswer =
  | {readonly kind: 'listening'; readonly port: number}
  | {readonly kind: 'port-taken'}
  | {readonly kind: 'statistics'; readonly id: number; readonly statistics: LinkStatistics};

/** What a sender may have in the relay beyond what fills the link: a common socket buffer. */
const QUEUE_BYTES = 256 * 1024;

const settings = workerData as RelayWorkerData;
const port = parentPort;
if (port === null) throw new Error('linkRelayWorker runs as a worker thread only');

let conditions = settings.conditions;
let target = {host: settings.targetHost, port: settings.targetPort};
const up = new LinkDirection(directionOf(conditions, 'up'));
const down = new LinkDirection(directionOf(conditions, 'down'));
const sockets = new Set<Socket>();
let totalConnections = 0;
let openConnections = 0;
let upBytes = 0;
let downBytes = 0;

const server = createServer({allowHalfOpen: true, noDelay: true, pauseOnConnect: true}, relay);
server.once('error', error => {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
  answer({kind: 'port-taken'});
  port.close();
});
server.listen(settings.listenPort, '127.0.0.1', () => {
  const address = server.address();
  answer({kind: 'listening', port: typeof address === 'object' && address !== null ? address.port : 0});
});

port.on('message', (request: RelayRequest) => {
  switch (request.kind) {
    case 'set-conditions':
      conditions = request.conditions;
      up.setConditions(directionOf(conditions, 'up'));
      down.setConditions(directionOf(conditions, 'down'));
      break;
    case 'set-target':
      target = {host: request.targetHost, port: request.targetPort};
      break;
    case 'read-statistics':
      answer({
        kind: 'statistics',
        id: request.id,
        statistics: {openConnections, totalConnections, upBytes, downBytes},
      });
      break;
    case 'close':
      server.close();
      up.close();
      down.close();
      for (const socket of sockets) socket.destroy();
      port.close();
      break;
  }
});

function answer(message: RelayAnswer): void {
  port?.postMessage(message);
}

function directionOf(now: LinkConditions, direction: 'up' | 'down'): DirectionConditions {
  return {
    bitsPerSecond: direction === 'up' ? now.upBitsPerSecond : now.downBitsPerSecond,
    delayMs: now.roundTripMs / 2,
    jitterMs: now.jitterMs,
    lossRate: now.lossRate ?? 0,
    isUp: now.isUp,
  };
}

/**
 * One connection. The kernel has accepted it already, so the handshake is made up for: the target is dialled when the
 * SYN has crossed the link, the client's first byte leaves when the answer would be back, and the target's first byte
 * when the final ACK would be there.
 */
function relay(near: Socket): void {
  totalConnections += 1;
  openConnections += 1;
  let far: Socket | null = null;
  const toFar = up.addFlow(items => {
    for (const item of items) {
      if (item.kind === 'open') dial();
      else if (far !== null) deliver(item, far, toFar, bytes => (upBytes += bytes));
    }
    releaseSender(near, toFar, conditions.upBitsPerSecond);
  });
  const toNear = down.addFlow(items => {
    for (const item of items) deliver(item, near, toNear, bytes => (downBytes += bytes));
    if (far !== null) releaseSender(far, toNear, conditions.downBitsPerSecond);
  });
  watchReceiver(near, toNear);
  near.on('close', () => {
    openConnections -= 1;
    if (far === null) toFar.remove();
  });
  near.on('error', () => toFar.push({kind: 'reset'}, performance.now()));
  toFar.push({kind: 'open'}, performance.now());

  function dial(): void {
    const {roundTripMs} = conditions;
    const dialMs = performance.now();
    const socket = connect({...target, allowHalfOpen: true, noDelay: true});
    far = socket;
    watchReceiver(socket, toFar);
    // Refused or broken off: the client hears of it half a round trip later.
    socket.on('error', () => toNear.push({kind: 'reset'}, performance.now()));
    socket.on('connect', () =>
      feed(socket, toNear, dialMs + roundTripMs, () => conditions.downBitsPerSecond),
    );
    feed(near, toFar, dialMs + roundTripMs / 2, () => conditions.upBitsPerSecond);
  }
}

function feed(from: Socket, flow: Flow, earliestMs: number, bitsPerSecond: () => number): void {
  from.on('data', bytes => {
    flow.push({kind: 'bytes', bytes}, Math.max(earliestMs, performance.now()));
    if (flow.heldBytes() > queueBytes(bitsPerSecond())) from.pause();
  });
  from.on('end', () => flow.push({kind: 'end'}, Math.max(earliestMs, performance.now())));
  from.resume();
}

function deliver(item: LinkItem, to: Socket, flow: Flow, count: (bytes: number) => void): void {
  if (item.kind === 'reset') to.resetAndDestroy();
  else if (item.kind === 'end') to.end();
  else if (item.kind === 'bytes' && to.writable) {
    count(item.bytes.length);
    if (!to.write(item.bytes)) flow.setPaused(true);
  }
}

function watchReceiver(to: Socket, flow: Flow): void {
  sockets.add(to);
  to.on('drain', () => flow.setPaused(false));
  to.on('close', () => {
    sockets.delete(to);
    flow.remove();
  });
}

function releaseSender(from: Socket, flow: Flow, bitsPerSecond: number): void {
  if (from.isPaused() && flow.heldBytes() <= queueBytes(bitsPerSecond) / 2) from.resume();
}

function queueBytes(bitsPerSecond: number): number {
  return QUEUE_BYTES + (bitsPerSecond / 8000) * conditions.roundTripMs;
}
