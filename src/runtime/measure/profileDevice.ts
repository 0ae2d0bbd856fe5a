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
import {measureLink, type MeasuredLink} from './measureLink.ts';
import {requestOverheadFrom} from './requestOverhead.ts';
import {summarizeTimes} from './summarizeTimes.ts';

export interface DeviceProfileOptions {
  readonly modelPath: string;
  readonly runs: number;
  readonly warmUps: number;
  readonly threads: number;
  readonly cloud?: {readonly name: string; readonly url: string};
}

/** The measured parts of a profile document, in its own words. */
export interface DeviceProfile {
  readonly runtime: {readonly onnxruntime: string; readonly node: string};
  readonly threads: number;
  readonly wholeRun: RepeatedMs;
  readonly layers: readonly {readonly name: string; readonly operator: string; readonly ms: number}[];
  readonly requestOverhead: RepeatedMs;
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
    const endpoint = await startEndpoint(
      {find: name => (name === model.name ? model : undefined), listStates: () => []},
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
      const totalMs = await timeRequestsFromOutside(endpoint.port, model.name, {runs, warmUps});
      const wholeRun = summarizeTimes(wholeRunMs);
      return {
        runtime: {onnxruntime: readRuntimeVersion(), node: process.versions.node},
        threads,
        wholeRun,
        layers,
        requestOverhead: requestOverheadFrom(totalMs, wholeRun),
        link: cloud === undefined ? null : {to: cloud.name, ...(await measureLinkTo(cloud.url))},
      };
    } finally {
      await endpoint.close();
    }
  } finally {
    await session.close();
  }
}

async function measureLinkTo(url: string): Promise<MeasuredLink> {
  const client = openProtocolClient(url);
  try {
    return await measureLink(client);
  } finally {
    client.close();
  }
}

/** The client is a process of its own, as the device's own programs are: in ours it would share the event loop. */
async function timeRequestsFromOutside(
  port: number,
  modelName: string,
  {runs, warmUps}: {readonly runs: number; readonly warmUps: number},
): Promise<number[]> {
  const argv = [
    findProgramPath(),
    'time-requests',
    ...['--url', `http://127.0.0.1:${port}`, '--model-name', modelName],
    ...['--runs', String(runs), '--warm-ups', String(warmUps)],
  ];
  try {
    const {stdout} = await promisify(execFile)(process.execPath, argv, {maxBuffer: 2 ** 26});
    return (JSON.parse(stdout) as {totalMs: number[]}).totalMs;
  } catch (error) {
    const message = `Timing requests in a process of their own failed: ${messageOf(error)}`;
    throw new ExpectedError('time-requests-failed', message, EXIT.commandFailed, {cause: error});
  }
}
