import {randomInt} from 'node:crypto';
import {once} from 'node:events';
import {createServer} from 'node:net';

/**
 * Below those that the kernel gives to connections (from 32768), because one of these may have become somebody's before it is
 * listened on, even of a device that starts again on its port much later.
 */
const PORTS = {first: 10_000, last: 32_000} as const;

/** A port of the loopback that nobody listens on. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.first, PORTS.last);
    const server = createServer();
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    } catch {
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
