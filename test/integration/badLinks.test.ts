import {createHash, randomBytes} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, it} from 'vitest';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {Machine} from '../../src/device/machine.ts';
import {hermetic, targetOf} from './machineSuite.ts';
import {GOOD_LINK, startLinkedDevice, type LinkedDevice} from './linkedDevice.ts';
import {isOpenSshInstalled} from './sshServers.ts';
import {catchExpected} from './commandSuite.ts';

// The whole matrix, with the waits that people have, is `npm run bench:links`.
describe.skipIf(!isOpenSshInstalled())('a push over a bad link', () => {
  let device: LinkedDevice;
  const connect = (): Promise<Machine> =>
    connectMachine(
      targetOf(device.server, {port: device.link.port}),
      hermetic(device.server, device.scratch, {
        acceptNewHostKeys: true,
        configFile: join(device.project.folder, 'ssh_config'),
        knownHostsFile: join(device.scratch, 'known_hosts'),
      }),
    );
  beforeAll(async () => {
    const started = await startLinkedDevice('Host *\n  ServerAliveInterval 1\n  ConnectTimeout 3\n');
    if (started === null) throw new Error('sshd is not installed here');
    device = started;
  });
  afterEach(() => device.link.setConditions(GOOD_LINK));
  afterAll(() => device.close());

  it('brings every byte over at 20 ms with 5 % of the packets lost', async () => {
    device.link.setConditions({roundTripMs: 20, lossRate: 0.05});
    const bytes = randomBytes(500_000);
    const machine = await connect();
    const {stdout} = await machine.run(['sha256sum'], {stdin: bytes});
    expect(stdout.slice(0, 64)).toBe(createHash('sha256').update(bytes).digest('hex'));
    await machine.close();
  });

  it('succeeds when the link stands still for 6 s after the switch', async () => {
    let isStalled = false;
    const {outcome} = await device.project.pushNext({
      emit: event => {
        if (event.kind !== 'step-started' || event.step !== 'pi/activate' || isStalled) return;
        isStalled = true;
        device.link.setConditions({isUp: false});
        void sleep(6000).then(() => device.link.setConditions({isUp: true}));
      },
    });
    expect(outcome).toBe('activated');
    expect(device.project.notes().join('\n')).toMatch(/Trying again/);
  });

  it('succeeds when the connection is reset anywhere in the login', async () => {
    for (const bytes of [10, 1000, 2000, 2600]) {
      const cuts = device.cutter.cuts();
      device.cutter.cutAfter(bytes);
      expect((await device.project.pushNext({isSame: true})).outcome).toBe('unchanged');
      expect(device.cutter.cuts()).toBe(cuts + 1);
    }
  });

  it('sees by its keep-alives that the other side is dead, in whatever it does', async () => {
    const machine = await connect();
    const tunnel = await machine.openTunnel(1);
    const works = [
      machine.run(['sleep', '60'], {timeoutMs: 60_000}),
      machine.run(['cat'], {stdin: Buffer.alloc(16e6), timeoutMs: 60_000}),
    ];
    device.link.setConditions({upBitsPerSecond: 8e6});
    await sleep(300);
    const startedAt = performance.now();
    device.link.setConditions({isUp: false});
    for (const work of works) expect((await catchExpected(work)).code).toBe('device-unreachable');
    // Long before the commands' own time is up.
    expect((performance.now() - startedAt) / 1000).toBeLessThan(40);
    await tunnel.close();
    await machine.close();
  });
});
