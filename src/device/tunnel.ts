import {createServer, type AddressInfo, type Socket} from 'node:net';
import type {Duplex} from 'node:stream';
import type {Tunnel} from './machine.ts';

/** A port of this machine's loopback; each connection to it is carried on by `openStream`. */
export async function listenForTunnel(openStream: () => Promise<Duplex>): Promise<Tunnel> {
  const open = new Set<Duplex>();
  const keep = (stream: Duplex) => {
    open.add(stream);
    stream.once('close', () => open.delete(stream));
  };
  const server = createServer({allowHalfOpen: true, noDelay: true, pauseOnConnect: true}, socket => {
    keep(socket);
    socket.on('error', () => socket.destroy());
    openStream().then(
      stream => {
        keep(stream);
        join(socket, stream);
      },
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve());
  });
  return {
    localPort: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      for (const stream of open) stream.destroy();
      await closed;
    },
  };
}

/** Either side may finish sending first; the other side's answer still gets through. */
function join(socket: Socket, stream: Duplex): void {
  stream.on('error', () => socket.destroy());
  stream.once('close', () => {
    if (!socket.writableEnded) socket.end();
    if (!socket.readableEnded) socket.resume();
    socket.destroySoon();
  });
  socket.once('close', () => stream.destroy());
  socket.pipe(stream);
  stream.pipe(socket);
}
