import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {loadRelease, readRelease, type LoadedRelease} from '../agent/loadRelease.ts';
import type {EndpointLoad} from './loadEndpoint.ts';
import {startOwnEndpoint} from './ownEndpoint.ts';
import {runOutside} from './runOutside.ts';

export interface TimeReleasesOptions {
  /** With the releases, each in a folder named by its id, and `samples` to ask with. */
  readonly folder: string;
  readonly releases: readonly string[];
  readonly rounds: number;
  readonly warmUps: number;
  readonly pauseMs: number;
  /** For each call of the cloud. */
  readonly deadlineMs: number;
}

export interface TimedReleases {
  /** In the order of the releases. */
  readonly rounds: EndpointLoad['rounds'];
  /** Why a release could not be opened, in the order of the releases; it is in no round. */
  readonly problems: readonly (string | null)[];
}

/** How soon it is noticed that the releases were taken away. */
const LOOK_EVERY_MS = 500;

/**
 * Serves several releases at once, beside whatever the agent serves and without touching it, and asks them in turn, so that
 * whatever else the machine does meets all alike. Ends when the releases are taken away: then nobody waits for the answer.
 * @throws ExpectedError `releases-taken-away`, `time-requests-failed`
 */
export async function timeReleases(options: TimeReleasesOptions): Promise<TimedReleases> {
  const {folder, releases, rounds, warmUps, pauseMs, deadlineMs} = options;
  const loaded: LoadedRelease[] = [];
  const problems: (string | null)[] = [];
  const abandoned = new AbortController();
  const timer = setInterval(() => {
    if (!existsSync(folder)) abandoned.abort();
  }, LOOK_EVERY_MS);
  try {
    for (const id of releases) {
      try {
        const release = await readRelease(join(folder, id));
        loaded.push(await loadRelease(release, join(folder, id), {deadlineMs}));
        problems.push(null);
      } catch (error) {
        problems.push(messageOf(error));
      }
    }
    const models = loaded.map(({release, model}) => ({...model, name: release.id}));
    if (models.length === 0) return {rounds: [], problems};
    const endpoint = await startOwnEndpoint(models);
    try {
      const load = await runOutside<EndpointLoad>(
        [
          'load-endpoint',
          ...['--url', `http://127.0.0.1:${endpoint.port}`],
          ...['--model-names', models.map(({name}) => name).join(',')],
          ...['--samples', join(folder, 'samples')],
          ...['--rounds', String(rounds), '--warm-ups', String(warmUps), '--pause-ms', String(pauseMs)],
          ...['--concurrency', '0', '--seconds', '0'],
        ],
        abandoned.signal,
      );
      const at = releases.map(id => models.findIndex(({name}) => name === id));
      return {rounds: load.rounds.map(row => at.map(index => row[index] ?? null)), problems};
    } finally {
      await endpoint.close(0);
    }
  } catch (error) {
    if (!abandoned.signal.aborted) throw error;
    const message = `${folder} was taken away while its releases were being timed.`;
    throw new ExpectedError('releases-taken-away', message, EXIT.commandFailed);
  } finally {
    clearInterval(timer);
    for (const each of loaded) await each.close();
  }
}
