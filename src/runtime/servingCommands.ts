import type {Optimization} from '../engine/workerMessages.ts';
import {startAgent} from './agent/startAgent.ts';
import {
  choiceFrom,
  homeFrom,
  numberFrom,
  print,
  textFrom,
  usageError,
  type RuntimeCommand,
} from './flagValues.ts';
import {DEFAULT_DEADLINE_MS, openProtocolClient} from './client.ts';
import {startGateway} from './gateway/startGateway.ts';
import {loadEndpoint} from './measure/loadEndpoint.ts';
import {profileDevice} from './measure/profileDevice.ts';
import {DEFAULT_LINK_SECONDS, timeModelRequests} from './measure/timeModelRequests.ts';
import {timePacking} from './measure/timePacking.ts';
import {readInputSpecs} from './measure/readInputSpecs.ts';
import {readSamples} from './measure/readSamples.ts';
import {timeModels} from './measure/timeModels.ts';
import {timeReleases} from './measure/timeReleases.ts';
import {startServer} from './server/startServer.ts';
import {waitForEndSignal} from './waitForEndSignal.ts';

/** Everything that answers requests or measures. */
export const SERVING_COMMANDS: Record<string, RuntimeCommand> = {
  agent: {
    options: {home: {type: 'string'}, 'cloud-deadline-ms': {type: 'string'}},
    async run(values) {
      const start = (report: (line: string) => void) =>
        startAgent({
          home: homeFrom(values),
          cloudDeadlineMs: numberFrom(values, 'cloud-deadline-ms', DEFAULT_DEADLINE_MS, 1),
          report,
        });
      await keepReloading(start);
    },
  },
  gateway: {
    options: {home: {type: 'string'}, 'cloud-deadline-ms': {type: 'string'}},
    async run(values) {
      const start = (report: (line: string) => void) =>
        startGateway({
          home: homeFrom(values),
          deadlineMs: numberFrom(values, 'cloud-deadline-ms', DEFAULT_DEADLINE_MS, 1),
          report,
        });
      await keepReloading(start);
    },
  },
  serve: {
    options: {
      port: {type: 'string'},
      host: {type: 'string'},
      'model-repository': {type: 'string'},
      'model-control': {type: 'string'},
      threads: {type: 'string'},
      optimization: {type: 'string'},
      'max-body-bytes': {type: 'string'},
    },
    async run(values) {
      const control = choiceFrom(values, 'model-control', ['none', 'explicit'], 'none');
      const host = textFrom(values, 'host', '127.0.0.1');
      const server = await startServer({
        host,
        port: numberFrom(values, 'port', 8000, 0),
        modelRepository: textFrom(values, 'model-repository'),
        allowModelControl: control === 'explicit',
        threads: numberFrom(values, 'threads', 1, 1),
        optimization: choiceFrom<Optimization>(
          values,
          'optimization',
          ['disabled', 'basic', 'extended', 'all'],
          'disabled',
        ),
        maxBodyBytes: numberFrom(values, 'max-body-bytes', 2 ** 30, 1),
        reportBug: error => process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`),
      });
      print({host, port: server.port});
      await waitForEndSignal();
      await server.close();
    },
  },
  profile: {
    options: {
      model: {type: 'string'},
      runs: {type: 'string'},
      'warm-ups': {type: 'string'},
      threads: {type: 'string'},
      // Each "NAME URL", with commas between them.
      peers: {type: 'string'},
      'handover-models': {type: 'string'},
      'sustained-seconds': {type: 'string'},
      'link-seconds': {type: 'string'},
    },
    async run(values) {
      const peers =
        values['peers'] === undefined ? [] : textFrom(values, 'peers').split(',').map(peerFromText);
      print(
        await profileDevice({
          modelPath: textFrom(values, 'model'),
          runs: numberFrom(values, 'runs', 20, 1),
          warmUps: numberFrom(values, 'warm-ups', 3, 0),
          threads: numberFrom(values, 'threads', 1, 1),
          sustainedSeconds: numberFrom(values, 'sustained-seconds', 0, 0),
          linkSeconds: numberFrom(values, 'link-seconds', DEFAULT_LINK_SECONDS, 1),
          peers,
          ...(values['handover-models'] === undefined
            ? {}
            : {handoverModels: textFrom(values, 'handover-models')}),
        }),
      );
    },
  },
  'time-models': {
    options: {
      models: {type: 'string'},
      runs: {type: 'string'},
      'warm-ups': {type: 'string'},
      threads: {type: 'string'},
    },
    async run(values) {
      print(
        await timeModels({
          modelPaths: textFrom(values, 'models').split(','),
          runs: numberFrom(values, 'runs', 20, 1),
          warmUps: numberFrom(values, 'warm-ups', 3, 0),
          threads: numberFrom(values, 'threads', 1, 1),
        }),
      );
    },
  },
  'load-endpoint': {
    options: {
      url: {type: 'string'},
      // With commas between them.
      'model-names': {type: 'string'},
      samples: {type: 'string'},
      rounds: {type: 'string'},
      'warm-ups': {type: 'string'},
      'pause-ms': {type: 'string'},
      concurrency: {type: 'string'},
      seconds: {type: 'string'},
    },
    async run(values) {
      const [first = '', ...others] = textFrom(values, 'model-names').split(',');
      const client = openProtocolClient(textFrom(values, 'url'), {deadlineMs: 60_000});
      try {
        const options = {
          rounds: numberFrom(values, 'rounds', 100, 1),
          warmUps: numberFrom(values, 'warm-ups', 10, 0),
          pauseMs: numberFrom(values, 'pause-ms', 0, 0),
          concurrency: numberFrom(values, 'concurrency', 1, 0),
          seconds: numberFrom(values, 'seconds', 5, 0),
          ...(values['samples'] === undefined
            ? {}
            : {samples: await readSamples(textFrom(values, 'samples'), await readInputSpecs(client, first))}),
        };
        print(await loadEndpoint(client, [first, ...others], options));
      } finally {
        client.close();
      }
    },
  },
  'time-releases': {
    options: {
      folder: {type: 'string'},
      releases: {type: 'string'},
      rounds: {type: 'string'},
      'warm-ups': {type: 'string'},
      'pause-ms': {type: 'string'},
      'cloud-deadline-ms': {type: 'string'},
    },
    async run(values) {
      print(
        await timeReleases({
          folder: textFrom(values, 'folder'),
          releases: textFrom(values, 'releases').split(','),
          rounds: numberFrom(values, 'rounds', 20, 1),
          warmUps: numberFrom(values, 'warm-ups', 3, 0),
          pauseMs: numberFrom(values, 'pause-ms', 0, 0),
          deadlineMs: numberFrom(values, 'cloud-deadline-ms', DEFAULT_DEADLINE_MS, 1),
        }),
      );
    },
  },
  'time-packing': {
    options: {runs: {type: 'string'}},
    run: async values => print(await timePacking(numberFrom(values, 'runs', 12, 1))),
  },
  'time-requests': {
    options: {
      url: {type: 'string'},
      'model-name': {type: 'string'},
      runs: {type: 'string'},
      'warm-ups': {type: 'string'},
      'has-cloud': {type: 'boolean'},
      'has-handover': {type: 'boolean'},
      'link-seconds': {type: 'string'},
    },
    async run(values) {
      const client = openProtocolClient(textFrom(values, 'url'), {deadlineMs: 120_000});
      try {
        const counts = {
          runs: numberFrom(values, 'runs', 20, 1),
          warmUps: numberFrom(values, 'warm-ups', 3, 0),
          hasCloud: values['has-cloud'] === true,
          hasHandover: values['has-handover'] === true,
          linkSeconds: numberFrom(values, 'link-seconds', DEFAULT_LINK_SECONDS, 1),
        };
        print(await timeModelRequests(client, textFrom(values, 'model-name'), counts));
      } finally {
        client.close();
      }
    },
  },
};

function peerFromText(text: string): {readonly name: string; readonly url: string} {
  const [name, url, ...rest] = text.trim().split(' ');
  if (name === undefined || url === undefined || rest.length > 0 || !URL.canParse(url))
    throw usageError(`--peers takes "NAME URL" with commas between them, not "${text}".`);
  return {name, url};
}

/** Runs what loads anew on SIGHUP until it is told to end. */
async function keepReloading(
  start: (report: (line: string) => void) => Promise<{reload(): Promise<void>; close(): Promise<void>}>,
): Promise<void> {
  // Before anything slow: an early signal must neither end the process nor be lost.
  let isHangUpHeard = false;
  let onHangUp = () => void (isHangUpHeard = true);
  process.on('SIGHUP', () => onHangUp());
  const running = await start(line => process.stderr.write(`${new Date().toISOString()} ${line}\n`));
  onHangUp = () => void running.reload();
  if (isHangUpHeard) void running.reload();
  await waitForEndSignal();
  await running.close();
}
