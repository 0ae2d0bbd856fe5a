import {join} from 'node:path';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import {openSession, type Session} from '../../engine/session.ts';
import {openProtocolClient, type ProtocolClient} from '../client.ts';
import {drainModel} from '../server/drainModel.ts';
import type {ServedModel} from '../server/servedModels.ts';
import {watchAbsences} from './absences.ts';
import {makeSteppedModel, type SteppedModelSpec} from './steppedModel.ts';

export interface OpenSteps {
  readonly model: ServedModel;
  /** Waits for the requests under way. */
  close(): Promise<void>;
}

/**
 * A session for each segment that runs here, warmed by one run on seeded inputs, and a client for each machine that is asked.
 * @throws everything that openSession throws
 */
export async function openSteps(
  spec: SteppedModelSpec,
  {
    folder,
    threads,
    deadlineMs,
    report,
  }: {
    readonly folder: string;
    readonly threads: number;
    readonly deadlineMs: number;
    /** One line for the log. */
    readonly report: (line: string) => void;
  },
): Promise<OpenSteps> {
  const sessions = new Map<string, Session>();
  const clients = new Map<string, ProtocolClient>();
  const closeAll = async (): Promise<void> => {
    for (const client of clients.values()) client.close();
    for (const session of sessions.values()) await session.close();
  };
  try {
    for (const step of [...spec.steps, ...(spec.fallback?.steps ?? [])]) {
      if (step.kind === 'call') {
        if (!clients.has(step.url)) clients.set(step.url, openProtocolClient(step.url, {deadlineMs}));
        continue;
      }
      if (sessions.has(step.graph)) continue;
      const session = await openSession(
        {path: join(folder, step.graph)},
        {optimization: 'disabled', threads},
      );
      sessions.set(step.graph, session);
      await session.run(randomFeeds(step.inputs, 1), {canTakeFeeds: true});
    }
  } catch (error) {
    await closeAll();
    throw error;
  }
  const absences = watchAbsences(url => clients.get(url)!.isReady(), report);
  const stepped = makeSteppedModel(spec, {sessions, clients, deadlineMs, absences});
  const {model, waitUntilIdle} = drainModel(stepped);
  return {
    model,
    async close() {
      absences.close();
      await waitUntilIdle();
      await closeAll();
    },
  };
}
