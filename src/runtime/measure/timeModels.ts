import {setTimeout as delay} from 'node:timers/promises';
import {PAUSE_MS} from '../../engine/pauseMs.ts';
import {median} from '../../engine/profileTrace.ts';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import {openSession, type Session} from '../../engine/session.ts';
import {closedInputs} from '../server/startServer.ts';
import type {RepeatedMs} from '../server/servedModels.ts';
import {summarizeTimes} from './summarizeTimes.ts';

export interface TimeModelsOptions {
  readonly modelPaths: readonly string[];
  readonly runs: number;
  readonly warmUps: number;
  readonly threads: number;
}

export interface TimedModel {
  readonly path: string;
  /** One run in the session's worker, without what a request costs besides. */
  readonly run: RepeatedMs;
  /** Median over the rounds of this model's time divided by the first model's in the same round. */
  readonly ratioToFirst: number;
}

/**
 * Times several files against each other, each optimised for this very machine (level `all`). Round by round, one run of
 * each, so that whatever else the machine does meets all alike; only ratios of the same round are compared.
 */
export async function timeModels(options: TimeModelsOptions): Promise<TimedModel[]> {
  const {modelPaths, runs, warmUps, threads} = options;
  const sessions: Session[] = [];
  try {
    for (const path of modelPaths) sessions.push(await openSession({path}, {optimization: 'all', threads}));
    const feeds = sessions.map(session => randomFeeds(closedInputs(session, {}), 1));
    const times = sessions.map((): number[] => []);
    for (let round = -warmUps; round < runs; round += 1) {
      for (const [index, session] of sessions.entries()) {
        await delay(PAUSE_MS);
        const {computeMs} = await session.run(feeds[index] ?? {});
        if (round >= 0) times[index]?.push(computeMs);
      }
    }
    return modelPaths.map((path, index) => ({
      path,
      run: summarizeTimes(times[index] ?? []),
      ratioToFirst: median(
        (times[index] ?? []).map((milliseconds, round) => milliseconds / (times[0]?.[round] ?? NaN)),
      ),
    }));
  } finally {
    for (const session of sessions) await session.close();
  }
}
