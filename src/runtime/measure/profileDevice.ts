import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {profileLayers} from '../../engine/profileLayers.ts';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import {readRuntimeVersion} from '../../engine/runtimeVersion.ts';
import {openSession} from '../../engine/session.ts';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {openProtocolClient} from '../client.ts';
import {findProgramPath} from '../programPath.ts';
import {startEndpoint} from '../server/endpoint.ts';
import {makeSessionModel} from '../server/sessionModel.ts';
import {closedInputs} from '../server/startServer.ts';
import type {RepeatedMs} from '../server/servedModels.ts';
import {makeForwardModel} from '../server/forwardModel.ts';
import type {MeasuredLink} from './measureLink.ts';
import {makeEchoModel} from '../server/echoModel.ts';
import {servingOverheadFrom, type ServingOverhead} from './servingOverhead.ts';
import type {EndpointTimes} from './timeModelRequests.ts';
import {summarizeTimes} from './summarizeTimes.ts';

export interface DeviceProfileOptions {
  readonly modelPath: string;
  readonly runs: number;
  readonly warmUps: number;
  readonly threads: number;
  readonly cloud?: {readonly name: string; readonly url: string};
}

/** The measured parts of a profile document, in its own words. */
export interface DeviceProfile extends ServingOverhead {
  readonly runtime: {readonly onnxruntime: string; readonly node: string};
  readonly threads: number;
  readonly wholeRun: RepeatedMs;
  readonly layers: readonly {readonly name: string; readonly operator: string; readonly ms: number}[];
  readonly link: (MeasuredLink & {readonly to: string}) | null;
}

/** Measures this machine: layers, what one request costs besides them, and the link. One after the other. */
export async function profileDevice(options: DeviceProfileOptions): Promise<DeviceProfile> {
  const {modelPath, runs, warmUps, threads, cloud} = options;
  const session = await openSession({path: modelPath}, {optimization: 'disabled', threads});
  try {
    const feeds = randomFeeds(closedInputs(session, {}), 1);
    const {wholeRunMs, layers} = await profileLayers(modelPath, feeds, {runs, warmUps, threads});
    const model = makeSessionModel('model', '1', session, 'head');
    const cloudClient = cloud === undefined ? null : openProtocolClient(cloud.url);
    const models = [model, makeEchoModel(), ...(cloudClient === null ? [] : [makeForwardModel(cloudClient)])];
    const endpoint = await startEndpoint(
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
    try {
      const times = await timeRequestsFromOutside(endpoint.port, model.name, {
        runs,
        warmUps,
        hasCloud: cloud !== undefined,
      });
      const wholeRun = summarizeTimes(wholeRunMs);
      return {
        runtime: {onnxruntime: readRuntimeVersion(), node: process.versions.node},
        threads,
        wholeRun,
        layers,
        ...servingOverheadFrom(times, wholeRun),
        link: cloud === undefined || times.link === null ? null : {to: cloud.name, ...times.link},
      };
    } finally {
      cloudClient?.close();
      await endpoint.close();
    }
  } finally {
    await session.close();
  }
}

/** The client is a process of its own, as the device's own programs are: in ours it would share the event loop. */
async function timeRequestsFromOutside(
  port: number,
  modelName: string,
  {runs, warmUps, hasCloud}: {readonly runs: number; readonly warmUps: number; readonly hasCloud: boolean},
): Promise<EndpointTimes> {
  const argv = [
    findProgramPath(),
    'time-requests',
    ...['--url', `http://127.0.0.1:${port}`, '--model-name', modelName],
    ...['--runs', String(runs), '--warm-ups', String(warmUps)],
    ...(hasCloud ? ['--has-cloud'] : []),
  ];
  try {
    const {stdout} = await promisify(execFile)(process.execPath, argv, {maxBuffer: 2 ** 26});
    return JSON.parse(stdout) as EndpointTimes;
  } catch (error) {
    const message = `Timing requests in a process of their own failed: ${messageOf(error)}`;
    throw new ExpectedError('time-requests-failed', message, EXIT.commandFailed, {cause: error});
  }
}
