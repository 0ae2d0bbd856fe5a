import {ExpectedError, messageOf} from '../../errors.ts';
import {startEndpoint, type Endpoint} from '../server/endpoint.ts';
import type {ServedModels} from '../server/servedModels.ts';
import {openState, type AgentState} from './agentState.ts';
import {startAttemptQueue} from './attemptQueue.ts';
import {loadRelease, readCurrentRelease, type LoadedRelease} from './loadRelease.ts';
import {openStatistics} from './statistics.ts';

export interface AgentOptions {
  /** The folder with `current` in it. */
  readonly home: string;
  /** For each call of the cloud. */
  readonly cloudDeadlineMs: number;
  /** One line for the log. */
  readonly report: (line: string) => void;
}

export interface Agent {
  /** Loads the release that `current` points to now and, once it is warm, serves it instead. Never throws. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 60_000;

/**
 * Serves the current release on the device's loopback. When there is nothing to serve yet it says so in state.json and
 * tries again: at once on a signal, else ever more rarely.
 */
export async function startAgent({home, cloudDeadlineMs, report}: AgentOptions): Promise<Agent> {
  const state = await openState<AgentState>(home);
  const statistics = await openStatistics(home, state.bootId);
  let current: LoadedRelease | null = null;
  let endpoint: Endpoint | null = null;
  let attempts = 0;
  let isClosed = false;
  let retryTimer: NodeJS.Timeout | undefined = undefined;
  let retryMs = FIRST_RETRY_MS;

  const models: ServedModels = {
    find: name => (current?.model.name === name ? current.model : undefined),
    listStates: () =>
      current === null ? [] : [{name: current.model.name, version: '1', state: 'READY', reason: ''}],
    readStatistics: () => statistics.read(),
  };

  const writeState = (status: AgentState['status'], error: AgentState['error']) =>
    state.write({
      kind: 'edgewise/agent-state',
      attempts,
      status,
      release: current?.release.id ?? null,
      plan: current?.release.plan ?? null,
      model: current?.model.name ?? null,
      port: endpoint?.port ?? null,
      error,
    });

  const listen = (port: number) =>
    startEndpoint(models, {
      host: '127.0.0.1',
      port,
      serverName: 'edgewise-agent',
      serverVersion: '0.1.0',
      maxBodyBytes: 2 ** 30,
      isReady: () => current !== null,
      reportBug: error => report(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    });

  /** The new release is ready before the old one is let go; what fails on the way leaves the old one in place. */
  const attempt = async (): Promise<void> => {
    attempts++;
    let wanted: string | null = null;
    try {
      const {release, folder} = await readCurrentRelease(home);
      wanted = release.id;
      const loaded = await loadRelease(release, folder, {deadlineMs: cloudDeadlineMs, report});
      const {port} = release.endpoint;
      const before = {current, endpoint};
      try {
        if (endpoint?.port !== port) endpoint = await listen(port);
      } catch (error) {
        await loaded.close();
        throw error;
      }
      await statistics.begin(release.id, loaded.readCuts);
      current = {...loaded, model: statistics.count(loaded.model)};
      retryMs = FIRST_RETRY_MS;
      await writeState('serving', null);
      report(`serving release ${release.id} on 127.0.0.1:${port}`);
      if (before.endpoint !== null && before.endpoint !== endpoint) await before.endpoint.close();
      await before.current?.close();
    } catch (error) {
      const code = error instanceof ExpectedError ? error.code : 'bug';
      report(
        `release ${wanted ?? '(unknown)'} failed: ${code}: ${error instanceof ExpectedError ? error.message : ((error as Error).stack ?? messageOf(error))}`,
      );
      await writeState(current === null ? 'failed' : 'serving', {
        code,
        message: messageOf(error),
        release: wanted,
      });
      if (current === null && !isClosed) {
        retryTimer = setTimeout(() => void reload(), retryMs);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
  };

  const queue = startAttemptQueue(attempt);
  const reload = (): Promise<void> => {
    clearTimeout(retryTimer);
    return queue.ask();
  };

  await writeState('starting', null);
  await reload();
  return {
    reload,
    async close() {
      isClosed = true;
      clearTimeout(retryTimer);
      await queue.close();
      await endpoint?.close();
      await current?.close();
      await statistics.close();
    },
  };
}
