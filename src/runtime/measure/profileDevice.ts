import {join} from 'node:path';
import {profileLayers} from '../../engine/profileLayers.ts';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import {readRuntimeVersion} from '../../engine/runtimeVersion.ts';
import {openSession, type Session} from '../../engine/session.ts';
import {openProtocolClient} from '../client.ts';
import {makeSessionModel} from '../server/sessionModel.ts';
import {closedInputs} from '../server/startServer.ts';
import type {RepeatedMs, ServedModel} from '../server/servedModels.ts';
import {makeForwardModel} from '../server/forwardModel.ts';
import {makeHandoverModel, type HandoverSessions} from '../server/handoverModel.ts';
import type {MeasuredHandover} from './measureHandover.ts';
import type {MeasuredLink} from './measureLink.ts';
import {measureSustained, type MeasuredSustained} from './measureSustained.ts';
import {makeEchoModel} from '../server/echoModel.ts';
import {startOwnEndpoint} from './ownEndpoint.ts';
import {runOutside} from './runOutside.ts';
import {servingOverheadFrom, type ServingOverhead} from './servingOverhead.ts';
import type {EndpointTimes} from './timeModelRequests.ts';
import {summarizeTimes} from './summarizeTimes.ts';

export interface DeviceProfileOptions {
  readonly modelPath: string;
  readonly runs: number;
  readonly warmUps: number;
  readonly threads: number;
  /** The machines that this one asks, each over a link of its own. */
  readonly peers?: readonly {readonly name: string; readonly url: string}[];
  /** Folder of `gives.onnx` and `keeps.onnx`; without it what handing tensors to the cloud costs is not measured. */
  readonly handoverModels?: string;
  /** How long the model runs without a pause to see whether the machine slows down; 0: not at all. */
  readonly sustainedSeconds: number;
  /** How long each link may be measured. */
  readonly linkSeconds: number;
}

/** The measured parts of a profile document, in its own words. */
export interface DeviceProfile extends ServingOverhead {
  readonly runtime: {readonly onnxruntime: string; readonly node: string};
  readonly threads: number;
  readonly wholeRun: RepeatedMs;
  readonly layers: readonly {readonly name: string; readonly operator: string; readonly ms: number}[];
  readonly sustained: MeasuredSustained | null;
  /** In the order of the peers. */
  readonly links: readonly (MeasuredLink & {readonly to: string; readonly handover?: Handover})[];
}

/** What a cut costs besides the link, the layers and a session's part in any request. */
interface Handover extends Omit<MeasuredHandover, 'sessionMs'> {
  readonly fixedMs: number;
}

/** Measures this machine: layers, what one request costs besides them, and the links. One after the other. */
export async function profileDevice(options: DeviceProfileOptions): Promise<DeviceProfile> {
  const {modelPath, runs, warmUps, threads, peers = [], handoverModels, linkSeconds} = options;
  const sessions: Session[] = [];
  const open = async (path: string): Promise<Session> => {
    const opened = await openSession({path}, {optimization: 'disabled', threads});
    sessions.push(opened);
    return opened;
  };
  try {
    const session = await open(modelPath);
    const feeds = randomFeeds(closedInputs(session, {}), 1);
    const {wholeRunMs, layers} = await profileLayers(modelPath, feeds, {runs, warmUps, threads});
    const wholeRun = summarizeTimes(wholeRunMs);
    const model = makeSessionModel('model', '1', session, 'head');
    const handover =
      peers.length === 0 || handoverModels === undefined
        ? null
        : {
            gives: await open(join(handoverModels, 'gives.onnx')),
            keeps: await open(join(handoverModels, 'keeps.onnx')),
          };
    const timesOver = (url: string | null) =>
      timeThroughEndpoint({model, url, handover}, {runs, warmUps, linkSeconds});
    // With the first peer, or none, the requests are timed that the machine's own overhead comes from.
    const times = await timesOver(peers[0]?.url ?? null);
    const overhead = servingOverheadFrom(times, wholeRun);
    const sessionMs = times.handover?.sessionMs ?? null;
    const links: DeviceProfile['links'][number][] = [];
    for (const [index, {name, url}] of peers.entries()) {
      const over = index === 0 ? times : await timesOver(url);
      if (over.link !== null) links.push({to: name, ...over.link, ...handoverFrom(over, overhead)});
    }
    // Last: what comes after it would find a hot machine.
    const sustained = await measureSustained(session, feeds, {
      seconds: options.sustainedSeconds,
      pausedMs: wholeRun.medianMs,
    });
    return {
      runtime: {onnxruntime: readRuntimeVersion(), node: process.versions.node},
      threads,
      wholeRun,
      ...shareOverhead({
        layers,
        wholeRun,
        overhead,
        requestsMs: summarizeTimes(times.totalMs).medianMs,
        sessionMs,
      }),
      sustained,
      links,
    };
  } finally {
    for (const session of sessions) await session.close();
  }
}

/** Requests to an endpoint like an agent's, which asks the machine at `url` if there is one. */
async function timeThroughEndpoint(
  {
    model,
    url,
    handover,
  }: {
    readonly model: ServedModel;
    readonly url: string | null;
    readonly handover: HandoverSessions | null;
  },
  counts: {readonly runs: number; readonly warmUps: number; readonly linkSeconds: number},
): Promise<EndpointTimes> {
  const client = url === null ? null : openProtocolClient(url);
  const models = [model, makeEchoModel()];
  if (client !== null) models.push(makeForwardModel(client));
  const hasHandover = client !== null && handover !== null;
  if (hasHandover) models.push(makeHandoverModel(client, handover));
  const endpoint = await startOwnEndpoint(models);
  try {
    return await timeRequestsFromOutside(endpoint.port, model.name, {
      ...counts,
      hasCloud: client !== null,
      hasHandover,
    });
  } finally {
    client?.close();
    await endpoint.close();
  }
}

/**
 * What a request costs on top of the model's run by itself has a part that is the same whichever layers run, measured by
 * the handover (`sessionMs`); the rest is the layers', which find colder caches in a request, so it is shared out among
 * them. Charged whole, it would make the first layer on the device look dearer than it is. Where requests took less than
 * the run by itself, it is they that count.
 */
export function shareOverhead({
  layers,
  wholeRun,
  overhead,
  requestsMs,
  sessionMs,
}: {
  readonly layers: DeviceProfile['layers'];
  readonly wholeRun: RepeatedMs;
  readonly overhead: ServingOverhead;
  /** Median of whole requests. */
  readonly requestsMs: number;
  readonly sessionMs: number | null;
}): ServingOverhead & Pick<DeviceProfile, 'layers'> {
  const {requestOverhead, sessionOverhead} = overhead;
  const overMs = requestsMs - requestOverhead.medianMs - wholeRun.medianMs;
  const restMs = overMs <= 0 ? overMs : Math.max(0, overMs - (sessionMs ?? overMs));
  const factor = wholeRun.medianMs <= 0 ? 1 : 1 + restMs / wholeRun.medianMs;
  if (factor <= 0 || factor === 1) return {...overhead, layers};
  return {
    ...overhead,
    sessionOverhead: {...sessionOverhead, medianMs: Math.max(0, overMs) - Math.max(0, restMs)},
    layers: layers.map(layer => ({...layer, ms: layer.ms * factor})),
  };
}

/** A session's part in any request is charged wherever layers run: only what it needs beyond that is the cut's. */
function handoverFrom(
  {handover}: EndpointTimes,
  {sessionOverhead}: ServingOverhead,
): {readonly handover?: Handover} {
  if (handover === null) return {};
  const {sessionMs, ...rest} = handover;
  return {handover: {fixedMs: Math.max(0, sessionMs - sessionOverhead.medianMs), ...rest}};
}

/** The client is a process of its own, as the device's own programs are: in ours it would share the event loop. */
async function timeRequestsFromOutside(
  port: number,
  modelName: string,
  {
    runs,
    warmUps,
    linkSeconds,
    hasCloud,
    hasHandover,
  }: {
    readonly runs: number;
    readonly warmUps: number;
    readonly linkSeconds: number;
    readonly hasCloud: boolean;
    readonly hasHandover: boolean;
  },
): Promise<EndpointTimes> {
  return runOutside<EndpointTimes>([
    'time-requests',
    ...['--url', `http://127.0.0.1:${port}`, '--model-name', modelName],
    ...['--runs', String(runs), '--warm-ups', String(warmUps), '--link-seconds', String(linkSeconds)],
    ...(hasCloud ? ['--has-cloud'] : []),
    ...(hasHandover ? ['--has-handover'] : []),
  ]);
}
