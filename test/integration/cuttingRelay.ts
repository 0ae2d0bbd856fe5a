import {connect, createServer, type AddressInfo, type Socket} from 'node:net';

export interface CuttingRelay {
  readonly port: number;
  /** What clients have sent and been sent so far, over all connections. */
  wireBytes(): number;
  /** Resets every connection as soon as clients have sent so many bytes more. */
  cutAfter(upBytes: number): void;
  cuts(): number;
  close(): Promise<void>;
}

/** A TCP relay on loopback that counts what goes over it and breaks connections off at a chosen byte. */
export async function startCuttingRelay(targetPort: number): Promise<CuttingRelay> {
  const sockets = new Set<Socket>();
  let upBytes = 0;
  let downBytes = 0;
  let cutAt = Infinity;
  let cuts = 0;
  const cut = (): void => {
    cutAt = Infinity;
    cuts += 1;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const server = createServer({noDelay: true}, near => {
    const far = connect({port: targetPort, host: '127.0.0.1', noDelay: true});
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('drain', () => to.resume());
    }
    near.on('data', bytes => {
      const isLast = upBytes + bytes.length >= cutAt;
      const passed = isLast ? bytes.subarray(0, cutAt - upBytes) : bytes;
      upBytes += passed.length;
      if (!far.write(passed)) near.pause();
      if (isLast) cut();
    });
    far.on('data', bytes => {
      downBytes += bytes.length;
      if (!near.write(bytes)) far.pause();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.address() as AddressInfo).port,
    wireBytes: () => upBytes + downBytes,
    cutAfter: bytes => {
      cutAt = upBytes + bytes;
    },
    cuts: () => cuts,
    close: async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
