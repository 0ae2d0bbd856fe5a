import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {ExpectedError, messageOf} from '../../errors.ts';
import {openState, type GatewayState} from '../agent/agentState.ts';
import {startAttemptQueue} from '../agent/attemptQueue.ts';
import {ECHO_MODEL, makeEchoModel} from '../server/echoModel.ts';
import {startEndpoint, type Endpoint} from '../server/endpoint.ts';
import type {ServedModels} from '../server/servedModels.ts';
import {loadPart, type LoadedPart} from './loadPart.ts';
import {readListenFile} from './listenFile.ts';

export interface GatewayOptions {
  /** The folder with `listen.json` and `parts` in it. */
  readonly home: string;
  /** For each call of another machine. */
  readonly deadlineMs: number;
  /** One line for the log. */
  readonly report: (line: string) => void;
}

export interface Gateway {
  /** Loads parts that are new, lets go those that are gone, and listens where `listen.json` says now. Never throws. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

const RETRY_MS = 5000;

/**
 * Serves every part that lies in the home, each as a model under its name, to the devices that this gateway stands before.
 * A part that does not load keeps none of the others back. Says in state.json what it does.
 */
export async function startGateway({home, deadlineMs, report}: GatewayOptions): Promise<Gateway> {
  const state = await openState<GatewayState>(home);
  const parts = new Map<string, LoadedPart>();
  let failures: GatewayState['failures'] = [];
  let endpoint: (Endpoint & {readonly host: string}) | null = null;
  let attempts = 0;
  let retryTimer: NodeJS.Timeout | undefined = undefined;

  const echo = makeEchoModel();
  const models: ServedModels = {
    find: name => (name === ECHO_MODEL ? echo : parts.get(name)?.model),
    listStates: () =>
      [...parts.keys()].map(name => ({name, version: '1', state: 'READY', reason: ''}) as const),
  };

  const writeState = (status: GatewayState['status'], error: GatewayState['error']) =>
    state.write({
      kind: 'edgewise/gateway-state',
      attempts,
      status,
      host: endpoint?.host ?? null,
      port: endpoint?.port ?? null,
      parts: [...parts.keys()].sort(),
      failures,
      error,
    });

  const listen = async (): Promise<void> => {
    const {host, port} = await readListenFile(home);
    if (endpoint?.host === host && endpoint.port === port) return;
    const opened = await startEndpoint(models, {
      host,
      port,
      serverName: 'edgewise-gateway',
      serverVersion: '0.1.0',
      maxBodyBytes: 2 ** 30,
      isReady: () => true,
      reportBug: error => report(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    });
    const before = endpoint;
    endpoint = {...opened, host};
    report(`listening on ${host}:${opened.port}`);
    await before?.close();
  };

  const loadParts = async (): Promise<void> => {
    const folder = join(home, 'parts');
    const found = (await readdir(folder).catch(() => [])).filter(name => !name.endsWith('.partial'));
    const failed: GatewayState['failures'][number][] = [];
    for (const name of found) {
      if (parts.has(name)) continue;
      try {
        parts.set(name, await loadPart(join(folder, name), name, {deadlineMs, report}));
        report(`serving ${name}`);
      } catch (error) {
        const code = error instanceof ExpectedError ? error.code : 'bug';
        report(`part ${name} failed: ${code}: ${messageOf(error)}`);
        failed.push({part: name, code, message: messageOf(error)});
      }
    }
    failures = failed;
    for (const [name, part] of parts) {
      if (found.includes(name)) continue;
      parts.delete(name);
      report(`no longer serving ${name}`);
      await part.close();
    }
  };

  const queue = startAttemptQueue(async () => {
    attempts++;
    await loadParts();
    try {
      await listen();
      await writeState('serving', null);
    } catch (error) {
      const code = error instanceof ExpectedError ? error.code : 'bug';
      report(`${code}: ${messageOf(error)}`);
      await writeState(endpoint === null ? 'failed' : 'serving', {code, message: messageOf(error)});
      retryTimer = setTimeout(() => void reload(), RETRY_MS);
    }
  });
  const reload = (): Promise<void> => {
    clearTimeout(retryTimer);
    return queue.ask();
  };

  await writeState('starting', null);
  await reload();
  return {
    reload,
    async close() {
      clearTimeout(retryTimer);
      await queue.close();
      clearTimeout(retryTimer);
      await endpoint?.close();
      for (const part of parts.values()) await part.close();
    },
  };
}
