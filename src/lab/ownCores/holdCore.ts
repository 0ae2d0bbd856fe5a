import {createServer} from 'node:net';

/**
 * Holds a core for this process until it ends, by a socket that has a name but no file; `false`: another one has it, among
 * those that share this machine's network.
 */
export function holdCore(core: number): Promise<boolean> {
  const server = createServer(socket => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(`\0edgewise-core-${core}`, () => resolve(true));
    server.unref();
  });
}
