import {profileLayers} from '../../engine/profileLayers.ts';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import {readRuntimeVersion} from '../../engine/runtimeVersion.ts';
import type {SignatureTensor} from '../../engine/signature.ts';
import type {Optimization} from '../../engine/workerMessages.ts';
import {openProtocolClient} from '../client.ts';
import {servingOverheadFrom, timeRequests} from '../measure/servingOverhead.ts';
import {summarizeTimes} from '../measure/summarizeTimes.ts';
import {ProtocolError} from '../protocol/protocolError.ts';
import {ECHO_MODEL, makeEchoModel} from './echoModel.ts';
import {startEndpoint} from './endpoint.ts';
import {openModelRepository} from './modelRepository.ts';
import type {CloudProfile, ProfileRequest} from './servedModels.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly modelRepository: string;
  /** Whether clients may upload, load and unload models. */
  readonly allowModelControl: boolean;
  /** Per model. */
  readonly threads: number;
  /** Default `disabled`: files that edgewise compiled are run as they are. */
  readonly optimization?: Optimization;
  /** Default 1 GiB. */
  readonly maxBodyBytes?: number;
  readonly reportBug?: (error: unknown) => void;
}

export interface Server {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * The cloud tier: serves a folder of models in the Open Inference Protocol v2, without TLS (put a proxy in front).
 * @throws ExpectedError `port-in-use`, `cannot-listen`
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const {host, threads, optimization = 'disabled', allowModelControl} = options;
  const repository = await openModelRepository(options.modelRepository, {threads, optimization});
  const echo = makeEchoModel();
  const find = (name: string) => (name === ECHO_MODEL ? echo : repository.find(name));
  let ownPort = 0;

  const profile = async (
    name: string,
    {runs, warmUps, shapes = {}}: ProfileRequest,
  ): Promise<CloudProfile> => {
    const path = repository.pathOf(name);
    const model = repository.find(name);
    if (path === undefined || model === undefined)
      throw new ProtocolError(404, `model '${name}' has no layers to time`);
    const feeds = randomFeeds(closedInputs(model, shapes), 1);
    const {wholeRunMs, layers} = await profileLayers(path, feeds, {runs, warmUps, threads});
    const client = openProtocolClient(`http://${loopbackOf(host)}:${ownPort}`, {deadlineMs: 60_000});
    try {
      const times = await timeRequests(client, name, feeds, {runs, warmUps});
      const wholeRun = summarizeTimes(wholeRunMs);
      return {
        runtime: {onnxruntime: readRuntimeVersion(), node: process.versions.node},
        threads,
        wholeRun,
        layers,
        ...servingOverheadFrom(times, wholeRun),
      };
    } finally {
      client.close();
    }
  };

  try {
    const endpoint = await startEndpoint(
      {
        find,
        listStates: () => repository.listStates(),
        ...(allowModelControl ? {control: repository} : {}),
        profile,
      },
      {
        host,
        port: options.port,
        serverName: 'edgewise',
        serverVersion: '0.1.0',
        maxBodyBytes: options.maxBodyBytes ?? 2 ** 30,
        isReady: () => true,
        reportBug: options.reportBug ?? (() => {}),
      },
    );
    ownPort = endpoint.port;
    return {
      port: endpoint.port,
      async close() {
        await endpoint.close();
        await repository.close();
      },
    };
  } catch (error) {
    await repository.close();
    throw error;
  }
}

/** The model's inputs with every open dimension closed: as asked for, else 1. */
export function closedInputs(
  model: {readonly inputs: readonly SignatureTensor[]},
  shapes: Readonly<Record<string, readonly number[]>>,
) {
  return model.inputs.map(({name, elementType, shape}: SignatureTensor) => ({
    name,
    elementType,
    shape: shapes[name] ?? shape.map(size => (typeof size === 'number' ? size : 1)),
  }));
}

function loopbackOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host.includes(':') ? `[${host === '::' ? '::1' : host}]` : host;
}
