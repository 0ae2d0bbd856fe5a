/**
 * Pushes over links that are slow, far, lossy, that stand still, break off or go silent: a real sshd behind the lab's relay.
 * Usage: npm run bench:links [-- --only PATTERN --resets 10]
 * Bars (issue 5): a dead peer is seen within 15 s; nothing hangs past its deadline; a push succeeds when the link heals in
 * time. Ends with 1 when one is missed.
 */
import {createServer, type AddressInfo} from 'node:net';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {connectMachine} from '../src/device/connectMachine.ts';
import type {SshTransport} from '../src/documents/sshTransport.ts';
import {ExpectedError} from '../src/errors.ts';
import {openProtocolClient} from '../src/runtime/client.ts';
import {GOOD_LINK, startLinkedDevice, type LinkedDevice} from '../test/integration/linkedDevice.ts';
import {hermetic, targetOf} from '../test/integration/machineSuite.ts';

interface LinkCase {
  readonly what: string;
  /** Answers what came of it. */
  readonly run: (device: LinkedDevice) => Promise<string>;
  readonly expected: string;
  readonly withinSeconds: number;
}

const {values} = parseArgs({
  options: {only: {type: 'string', default: ''}, resets: {type: 'string', default: '10'}},
});
const DEAD_PEER_SECONDS = 15;
const CONNECT_SECONDS = 10;
const PATIENCE_SECONDS = 120;

async function outcomeOf(work: Promise<{readonly outcome: string}>): Promise<string> {
  try {
    return (await work).outcome;
  } catch (error) {
    if (error instanceof ExpectedError) return error.code;
    throw error;
  }
}

function over(conditions: Parameters<LinkedDevice['link']['setConditions']>[0]): LinkCase['run'] {
  return async ({link, project}) => {
    link.setConditions(conditions);
    return outcomeOf(project.pushNext());
  };
}

/** The plug is pulled when a step begins; in again after so many seconds, or never. */
function stalling(step: string, seconds: number | null): LinkCase['run'] {
  return async ({link, project}) => {
    let isPulled = false;
    return outcomeOf(
      project.pushNext({
        emit: event => {
          if (event.kind !== 'step-started' || event.step !== step || isPulled) return;
          isPulled = true;
          link.setConditions({isUp: false});
          if (seconds !== null) void sleep(seconds * 1000).then(() => link.setConditions({isUp: true}));
        },
      }),
    );
  };
}

/** Seconds count from the plug. */
function dying(transport: SshTransport, what: 'command' | 'upload' | 'tunnel'): LinkCase['run'] {
  return async ({link, server, scratch}) => {
    const machine = await connectMachine(
      targetOf(server, {port: link.port}),
      hermetic(server, scratch, {
        transport,
        acceptNewHostKeys: true,
        knownHostsFile: join(scratch, 'known_hosts'),
      }),
    );
    const works = {
      command: () => machine.run(['sleep', '600'], {timeoutMs: 600_000}),
      upload: () => machine.run(['cat'], {stdin: Buffer.alloc(64e6), timeoutMs: 600_000}),
      tunnel: async () => {
        const tunnel = await machine.openTunnel(silentPort);
        const client = openProtocolClient(`http://127.0.0.1:${tunnel.localPort}`);
        return client.readServerMetadata();
      },
    };
    link.setConditions({upBitsPerSecond: 8e6});
    const work = works[what]().then(
      () => 'ended',
      (error: unknown) => (error instanceof ExpectedError ? error.code : String(error)),
    );
    await sleep(500);
    link.setConditions({isUp: false});
    const code = await work;
    link.setConditions(GOOD_LINK);
    await machine.close();
    return code === 'device-unreachable' || code === 'cloud-unreachable' || code === 'cloud-timeout'
      ? 'seen'
      : code;
  };
}

const CASES: readonly LinkCase[] = [
  {what: 'a good link', run: over({}), expected: 'activated', withinSeconds: 30},
  {what: '300 ms', run: over({roundTripMs: 300}), expected: 'activated', withinSeconds: 120},
  {
    what: '5 % loss, 50 ms',
    run: over({roundTripMs: 50, lossRate: 0.05}),
    expected: 'activated',
    withinSeconds: 120,
  },
  {
    what: '256 kbit/s, 50 ms',
    run: over({roundTripMs: 50, upBitsPerSecond: 256e3, downBitsPerSecond: 256e3}),
    expected: 'activated',
    withinSeconds: 120,
  },
  {
    what: '300 ms, 5 % loss, 256 kbit/s',
    run: over({roundTripMs: 300, lossRate: 0.05, upBitsPerSecond: 256e3, downBitsPerSecond: 256e3}),
    expected: 'activated',
    withinSeconds: 240,
  },
  ...['pi/preflight', 'pi/release', 'pi/activate'].map(step => ({
    what: `30 s stall in ${step}`,
    run: stalling(step, 30),
    expected: 'activated',
    withinSeconds: 90,
  })),
  ...[200, 1000, 1800, 2200, 2600].map(bytes => ({
    what: `reset after ${bytes} bytes of the login`,
    run: async ({cutter, project}: LinkedDevice) => {
      cutter.cutAfter(bytes);
      return outcomeOf(project.pushNext({isSame: true}));
    },
    expected: 'unchanged',
    withinSeconds: 20,
  })),
  {
    what: `reset at ${values.resets} random bytes of a push`,
    run: async ({cutter, project}) => {
      const outcomes = new Set<string>();
      for (let at = 0; at < Number(values.resets); at += 1) {
        const before = cutter.cuts();
        // The login and the first question alone send more.
        cutter.cutAfter(Math.floor(Math.random() * 8000));
        outcomes.add(await outcomeOf(project.pushNext()));
        if (cutter.cuts() === before) outcomes.add('not cut off');
      }
      return [...outcomes].join(', ');
    },
    expected: 'activated',
    withinSeconds: 20 * Number(values.resets),
  },
  ...(['ssh2', 'openssh'] as const).flatMap(transport =>
    (['command', 'upload', 'tunnel'] as const).map(what => ({
      what: `dead peer in a ${what} (${transport})`,
      run: dying(transport, what),
      expected: 'seen',
      withinSeconds: DEAD_PEER_SECONDS,
    })),
  ),
  {
    what: 'half-open before the login',
    run: async ({link, project}) => {
      link.setConditions({isUp: false});
      return outcomeOf(project.pushNext({isSame: true}));
    },
    expected: 'device-unreachable',
    withinSeconds: CONNECT_SECONDS + 2,
  },
  {
    what: 'half-open for good in pi/release',
    run: stalling('pi/release', null),
    expected: 'device-unreachable',
    withinSeconds: DEAD_PEER_SECONDS + PATIENCE_SECONDS + CONNECT_SECONDS + 10,
  },
  {what: 'a good link afterwards', run: over({}), expected: 'activated', withinSeconds: 30},
];

const silent = createServer(() => {});
await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
const silentPort = (silent.address() as AddressInfo).port;
const device = await startLinkedDevice();
if (device === null) throw new Error('there is no /usr/sbin/sshd here');
let isMissed = false;
try {
  console.log(`${'link'.padEnd(36)} ${'outcome'.padEnd(20)} seconds   bar`);
  for (const {what, run, expected, withinSeconds} of CASES.filter(each => each.what.includes(values.only))) {
    const startedAt = performance.now();
    const outcome = await run(device);
    const seconds = (performance.now() - startedAt) / 1000;
    device.link.setConditions(GOOD_LINK);
    const isMet = outcome === expected && seconds <= withinSeconds;
    isMissed ||= !isMet;
    console.log(
      `${what.padEnd(36)} ${outcome.padEnd(20)} ${seconds.toFixed(1).padStart(7)} ≤ ${String(withinSeconds).padStart(3)} ${isMet ? '' : `missed, ${expected} was wanted`}`,
    );
  }
} finally {
  silent.close();
  await device.close();
}
process.exitCode = isMissed ? 1 : 0;
