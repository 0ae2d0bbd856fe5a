import {join} from 'node:path';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import {openSession, type Session} from '../../engine/session.ts';
import {openProtocolClient, type ProtocolClient} from '../client.ts';
import {drainModel} from '../server/drainModel.ts';
import type {ServedModel} from '../server/servedModels.ts';
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
  }: {readonly folder: string; readonly threads: number; readonly deadlineMs: number},
): Promise<OpenSteps> {
  const sessions = new Map<string, Session>();
  const clients = new Map<string, ProtocolClient>();
  const closeAll = async (): Promise<void> => {
    for (const client of clients.values()) client.close();
    for (const session of sessions.values()) await session.close();
  };
  try {
    for (const step of spec.steps) {
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
  const {model, waitUntilIdle} = drainModel(makeSteppedModel(spec, {sessions, clients, deadlineMs}));
  return {
    model,
    async close() {
      await waitUntilIdle();
      await closeAll();
    },
  };
}
