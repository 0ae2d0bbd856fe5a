import {createHash, randomBytes} from 'node:crypto';
import {connect, createServer, type AddressInfo, type Server, type Socket} from 'node:net';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {startLinkRelay, type LinkRelay, type LinkRelayOptions} from '../../src/lab/linkRelay.ts';

let target: Server;
let relay: LinkRelay;
let accepted: Socket[];

beforeEach(async () => {
  accepted = [];
  target = createServer({allowHalfOpen: true, noDelay: true}, socket => {
    accepted.push(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>(resolve => target.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await relay.close();
  for (const socket of accepted) socket.destroy();
  await new Promise(resolve => target.close(resolve));
});

async function startRelay(
  mbit: number,
  roundTripMs: number,
  more: Partial<LinkRelayOptions> = {},
): Promise<void> {
  relay = await startLinkRelay({
    targetHost: '127.0.0.1',
    targetPort: (target.address() as AddressInfo).port,
    upBitsPerSecond: mbit * 1e6,
    downBitsPerSecond: mbit * 1e6,
    roundTripMs,
    ...more,
  });
}

async function dial(): Promise<Socket> {
  const socket = connect({port: relay.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true});
  socket.on('error', () => {});
  await new Promise(resolve => socket.once('connect', resolve));
  return socket;
}

/** The target answers each request (4 bytes: how many it wants back) once `upBytes` of it are there. */
function answerRequests(upBytes: number): void {
  target.on('connection', (socket: Socket) => {
    let heldBytes = 0;
    let first = Buffer.alloc(0);
    socket.on('data', chunk => {
      if (first.length < 4) first = Buffer.concat([first, chunk.subarray(0, 4 - first.length)]);
      heldBytes += chunk.length;
      if (heldBytes < upBytes) return;
      socket.write(Buffer.alloc(first.readUInt32BE(0)));
      heldBytes = 0;
      first = Buffer.alloc(0);
    });
    socket.on('end', () => socket.end());
  });
}

/** Milliseconds from the first byte sent to the last one back. */
async function timeRequest(socket: Socket, upBytes: number, downBytes: number): Promise<number> {
  const request = Buffer.alloc(upBytes);
  request.writeUInt32BE(downBytes, 0);
  let received = 0;
  const startMs = performance.now();
  return new Promise(resolve => {
    const count = (chunk: Buffer): void => {
      received += chunk.length;
      if (received < downBytes) return;
      socket.off('data', count);
      resolve(performance.now() - startMs);
    };
    socket.on('data', count);
    socket.write(request);
  });
}

async function medianRequest(
  socket: Socket,
  upBytes: number,
  downBytes: number,
  rounds: number,
): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push(await timeRequest(socket, upBytes, downBytes));
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? NaN;
}

// The link is never faster than it is said to be. How much slower is bounded by what only a wrong count gives (a round trip
// too many, a share not divided): how exact it is depends on the machine.
const LATE_MS = 15;
const SLOWER = 1.4;

describe('delay', {retry: 3}, () => {
  for (const roundTripMs of [0, 5, 20, 80]) {
    it(`of a small message on an idle ${roundTripMs} ms link is that round trip`, async () => {
      answerRequests(64);
      await startRelay(100, roundTripMs);
      const socket = await dial();
      await timeRequest(socket, 64, 64);
      const median = await medianRequest(socket, 64, 64, 25);
      expect(median).toBeGreaterThan(roundTripMs - 0.5);
      expect(median).toBeLessThan(roundTripMs + LATE_MS);
      socket.destroy();
    });
  }

  it('includes one round trip for setting up a connection', async () => {
    answerRequests(64);
    await startRelay(100, 60);
    const first = await dial();
    await timeRequest(first, 64, 64);
    first.destroy();
    const startMs = performance.now();
    const socket = await dial();
    await timeRequest(socket, 64, 64);
    const tookMs = performance.now() - startMs;
    expect(tookMs).toBeGreaterThan(119);
    expect(tookMs).toBeLessThan(120 + 2 * LATE_MS);
    socket.destroy();
  });

  it('comes out as the round trip plus bytes by rate for requests of 1 kB to 1 MB', async () => {
    for (const bytes of [1000, 10_000, 100_000, 1_000_000]) {
      target.removeAllListeners('connection');
      target.on('connection', (each: Socket) => accepted.push(each));
      answerRequests(bytes);
      await startRelay(100, 20);
      const socket = await dial();
      await timeRequest(socket, bytes, 64);
      const expectedMs = 20 + (bytes * 8) / 100e3;
      const median = await medianRequest(socket, bytes, 64, 5);
      expect(median).toBeGreaterThan(Math.min(expectedMs - 2, expectedMs * 0.95));
      expect(median).toBeLessThan(expectedMs * SLOWER + LATE_MS);
      socket.destroy();
      await relay.close();
    }
    await startRelay(100, 20);
  });
});

describe('rate', {retry: 3}, () => {
  for (const [mbit, bytes] of [
    [1, 200_000],
    [10, 2_000_000],
    [100, 20_000_000],
    [400, 40_000_000],
  ] as const) {
    it(`of ${mbit} Mbit/s is kept up and down`, async () => {
      answerRequests(bytes);
      await startRelay(mbit, 4);
      const socket = await dial();
      const idealMs = (bytes * 8) / (mbit * 1e3);
      const upMs = await timeRequest(socket, bytes, 4);
      socket.destroy();
      expect(upMs / idealMs).toBeGreaterThan(0.95);
      expect(upMs / idealMs).toBeLessThan(SLOWER);

      target.removeAllListeners('connection');
      target.on('connection', (each: Socket) => accepted.push(each));
      answerRequests(4);
      const other = await dial();
      const downMs = await timeRequest(other, 4, bytes);
      other.destroy();
      expect(downMs / idealMs).toBeGreaterThan(0.95);
      expect(downMs / idealMs).toBeLessThan(SLOWER);
    });
  }

  it('is shared by the connections', async () => {
    answerRequests(500_000);
    await startRelay(20, 4);
    const sockets = await Promise.all([dial(), dial(), dial(), dial()]);
    const times = await Promise.all(sockets.map(each => timeRequest(each, 500_000, 4)));
    const allMs = (4 * 500_000 * 8) / 20e3;
    for (const time of times) expect(time).toBeGreaterThan(allMs * 0.85);
    expect(Math.max(...times)).toBeLessThan(allMs * SLOWER);
    for (const each of sockets) each.destroy();
  });
});

describe('the relay', () => {
  it('keeps order and bytes in both directions at once, and half-closed connections open', async () => {
    const [up, down] = [randomBytes(3_000_000), randomBytes(2_000_000)];
    const received = new Promise<Buffer>(resolve =>
      target.on('connection', (socket: Socket) => {
        socket.end(down);
        void socket.toArray().then(chunks => resolve(Buffer.concat(chunks as Buffer[])));
      }),
    );
    await startRelay(200, 10, {jitterMs: 8});
    const socket = await dial();
    const answered = socket.toArray();
    // The target has finished before we have sent anything: our direction must still work.
    const back = Buffer.concat((await answered) as Buffer[]);
    socket.end(up);
    expect(digestOf(back)).toBe(digestOf(down));
    expect(digestOf(await received)).toBe(digestOf(up));
  });

  it('does not take more than the link holds and a socket buffer from a sender', async () => {
    await startRelay(1, 20);
    const socket = await dial();
    await vi.waitFor(() => expect(accepted).toHaveLength(1), 10_000);
    accepted[0]?.resume();
    const total = 64 * 1024 * 1024;
    socket.write(Buffer.alloc(total));
    // Once nothing moves but what the link lets through, the rest must still be with the sender.
    let before = -1;
    await vi.waitFor(
      () => {
        const now = socket.bytesWritten - socket.writableLength;
        const isSettled = now === before;
        before = now;
        expect(isSettled).toBe(true);
      },
      {interval: 300, timeout: 10_000},
    );
    expect((await relay.statistics()).upBytes).toBeLessThan(2_000_000);
    socket.destroy();
  });

  it('tells the client when the target refuses, half a round trip later than the dial', async () => {
    await startRelay(10, 60);
    await new Promise<void>(resolve => target.close(() => resolve()));
    const startMs = performance.now();
    const socket = await dial();
    await new Promise(resolve => socket.once('close', resolve));
    expect(performance.now() - startMs).toBeGreaterThan(55);
  });

  it('resets the far end when the client breaks off', async () => {
    await startRelay(10, 10);
    const socket = await dial();
    await vi.waitFor(() => expect(accepted).toHaveLength(1), 10_000);
    const closed = new Promise<boolean>(resolve => accepted[0]?.once('close', hadError => resolve(hadError)));
    accepted[0]?.resume();
    socket.resetAndDestroy();
    expect(await closed).toBe(true);
  });

  it('lets nothing through while the plug is pulled, and goes on afterwards', async () => {
    answerRequests(64);
    await startRelay(10, 4);
    const socket = await dial();
    await timeRequest(socket, 64, 64);
    relay.setConditions({isUp: false});
    await relay.statistics();
    const {upBytes} = await relay.statistics();
    const answered = timeRequest(socket, 64, 64);
    const late = dial().then(each => timeRequest(each, 64, 64));
    await new Promise(resolve => setTimeout(resolve, 150));
    expect(await relay.statistics()).toMatchObject({upBytes});
    relay.setConditions({isUp: true});
    expect(await answered).toBeGreaterThan(145);
    await late;
    socket.destroy();
  });

  it('takes on new conditions at once', {retry: 3}, async () => {
    answerRequests(64);
    await startRelay(10, 4);
    const socket = await dial();
    await timeRequest(socket, 64, 64);
    relay.setConditions({roundTripMs: 50});
    await relay.statistics();
    const median = await medianRequest(socket, 64, 64, 9);
    expect(median).toBeGreaterThan(49);
    expect(median).toBeLessThan(50 + LATE_MS);
    socket.destroy();
  });

  it('counts connections and bytes', async () => {
    answerRequests(1000);
    await startRelay(100, 2);
    const socket = await dial();
    await timeRequest(socket, 1000, 300);
    expect(await relay.statistics()).toEqual({
      openConnections: 1,
      totalConnections: 1,
      upBytes: 1000,
      downBytes: 300,
    });
    socket.destroy();
    await vi.waitFor(async () => expect((await relay.statistics()).openConnections).toBe(0), 10_000);
  });

  it('says which port is taken', async () => {
    await startRelay(10, 4);
    await expect(startRelay(10, 4, {listenPort: relay.port})).rejects.toMatchObject({code: 'port-taken'});
  });
});

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
