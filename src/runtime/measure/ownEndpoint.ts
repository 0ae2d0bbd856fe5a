import {startEndpoint, type Endpoint} from '../server/endpoint.ts';
import type {ServedModel} from '../server/servedModels.ts';

/** An endpoint like the agent's, on a free port of the loopback, that only what measures knows of. */
export function startOwnEndpoint(models: readonly ServedModel[]): Promise<Endpoint> {
  return startEndpoint(
    {find: name => models.find(served => served.name === name), listStates: () => []},
    {
      host: '127.0.0.1',
      port: 0,
      serverName: 'edgewise-agent',
      serverVersion: '0.1.0',
      maxBodyBytes: 2 ** 30,
      isReady: () => true,
      reportBug: () => {},
    },
  );
}
