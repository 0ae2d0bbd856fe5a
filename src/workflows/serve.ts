import {once} from 'node:events';
import {startServer, type ServerOptions} from '../runtime/server/startServer.ts';

/** Serves until SIGINT or SIGTERM, then answers what was asked and closes. */
export async function serve(options: ServerOptions, announce: (url: string) => void): Promise<{url: string}> {
  const server = await startServer(options);
  const url = `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${server.port}`;
  announce(url);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await server.close();
  return {url};
}
