import {execFileSync} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {openProtocolClient} from '../../src/runtime/client.ts';
import {findServiceDrift, keepByService} from '../../src/workflows/deploy/keepByService.ts';
import {readDeviceTruth} from '../../src/workflows/deploy/readDeviceTruth.ts';
import {connectLocal, deployAdding, openWorkshop, type Workshop} from './deployDevice.ts';
import {floats, numbersOf} from './smallModels.ts';
import {startSystemdDevice, whyNoSystemd, type SystemdDevice} from './systemdDevice.ts';

const why = whyNoSystemd();
const UNIT = 'edgewise-agent.service';
const UNIT_FILE = '/etc/systemd/system/edgewise-agent.service';

async function askZeros(port: number): Promise<number> {
  const client = openProtocolClient(`http://127.0.0.1:${port}`);
  try {
    const {outputs} = await client.infer('net', {inputs: {x: floats([1, 4], [0, 0, 0, 0])}});
    return numbersOf(outputs['y'])[0] ?? NaN;
  } finally {
    client.close();
  }
}

async function answerOnceServing(port: number): Promise<number> {
  for (;;) {
    const got = await askZeros(port).catch(() => null);
    if (got !== null) return got;
    await sleep(50);
  }
}

describe.skipIf(why !== null)(`a device with systemd${why === null ? '' : ` (left out: ${why})`}`, () => {
  let workshop: Workshop;
  let device: SystemdDevice;

  beforeAll(async () => {
    workshop = await openWorkshop();
    device = await startSystemdDevice(await mkdtemp(join(tmpdir(), 'edgewise-systemd-')));
    execFileSync('cp', ['-al', join(workshop.template, '.edgewise'), join(device.home, '.edgewise')]);
  }, 60_000);
  afterAll(async () => {
    await device?.stop();
    await workshop?.close();
  });

  const answer = () => askZeros(device.port);
  const drift = () => device.withMachine(machine => findServiceDrift(machine, 'auto'));
  const show = (property: string) => device.control('systemctl', 'show', '-P', property, UNIT);

  it('keeps the agent by a unit that is enabled, and devices --check finds nothing', async () => {
    expect(await drift()).toEqual(['no systemd unit']);
    await deployAdding(workshop, device, 1);
    expect(await answer()).toBe(1);
    expect(await show('ActiveState')).toBe('active');
    expect(await show('UnitFileState')).toBe('enabled');
    const {isSupervised, agent} = await device.withMachine(readDeviceTruth);
    expect([isSupervised, agent?.status]).toEqual([true, 'serving']);
    expect(await drift()).toEqual([]);
  }, 60_000);

  it('holds it in a sandbox that systemd-analyze finds good', async () => {
    const pid = Number((await show('MainPID')).trim());
    expect(
      await device.control('grep', '-E', '^(NoNewPrivs|Seccomp|CapBnd):', `/proc/${pid}/status`),
    ).toMatch(/CapBnd:\t0+\nNoNewPrivs:\t1\nSeccomp:\t2/);
    expect(await device.control('systemd-analyze', 'verify', UNIT_FILE)).toBe('');
    const security = await device.control('systemd-analyze', 'security', '--no-pager', UNIT);
    const [, exposure = '10'] = /exposure level for \S+ ([\d.]+)/.exec(security) ?? [];
    expect(Number(exposure)).toBeLessThan(3);
    // From inside: nothing but its own folder can be written.
    const tried = await device.control(
      ...['nsenter', '-t', String(pid), '-m', 'sh', '-c'],
      'touch /root/x /etc/x /usr/x 2>/dev/null; touch /root/.edgewise/x && rm /root/.edgewise/x && echo own; ls /root/x /etc/x /usr/x 2>/dev/null',
    );
    expect(tried).toBe('own');
  });

  it('starts it again after kill -9 of the supervisor, and of the agent', async () => {
    const pids = async () => device.control('cat', '/root/.edgewise/supervisor.pid');
    const killed = await pids();
    await device.control('kill', '-9', killed);
    while ((await pids()) === killed || (await pids()) === '') await sleep(20);
    expect(await answerOnceServing(device.port)).toBe(1);
    expect(Number(await show('NRestarts'))).toBeGreaterThan(0);
    const {pid} = JSON.parse(await readFile(join(device.home, '.edgewise/state.json'), 'utf8')) as {
      pid: number;
    };
    await device.control('kill', '-9', String(pid));
    await sleep(50);
    expect(await answerOnceServing(device.port)).toBe(1);
    expect(await drift()).toEqual([]);
  }, 30_000);

  it('switches to another release without a restart of the unit', async () => {
    const before = await show('MainPID');
    await deployAdding(workshop, device, 2);
    expect(await answer()).toBe(2);
    expect(await show('MainPID')).toBe(before);
  }, 30_000);

  it('serves again after the device was switched off and on', async () => {
    await device.restart();
    expect(await answerOnceServing(device.port)).toBe(2);
    expect(await show('ActiveState')).toBe('active');
  }, 30_000);

  it('tells of a unit that was changed or stopped, and the next push mends it', async () => {
    await device.control(
      'sh',
      '-c',
      `echo 'MemoryMax=1G' >>${UNIT_FILE}; systemctl daemon-reload; systemctl stop ${UNIT}`,
    );
    expect(await drift()).toEqual(
      expect.arrayContaining([
        'the systemd unit has other bytes',
        'the agent is not kept by the systemd unit',
      ]),
    );
    await deployAdding(workshop, device, 3);
    expect(await drift()).toEqual([]);
    expect(await answer()).toBe(3);
  }, 30_000);

  it('falls back to the supervisor of its own where the unit does not come up', async () => {
    await device.control(
      'sh',
      '-c',
      `mkdir -p /etc/systemd/system/${UNIT}.d; printf '[Service]\\nExecStartPre=/bin/false\\n' >/etc/systemd/system/${UNIT}.d/broken.conf; systemctl daemon-reload; systemctl stop ${UNIT}`,
    );
    await deployAdding(workshop, device, 4);
    expect(await answer()).toBe(4);
    expect(await drift()).toEqual(['the agent is not kept by the systemd unit']);
    // Mended, the unit takes over what the supervisor had.
    await device.control('sh', '-c', `rm -r /etc/systemd/system/${UNIT}.d; systemctl daemon-reload`);
    await deployAdding(workshop, device, 5);
    expect(await answer()).toBe(5);
    expect(await drift()).toEqual([]);
  }, 60_000);
});

describe.skipIf(why !== null)('a device whose user has a systemd of his own', () => {
  let workshop: Workshop;
  let device: SystemdDevice;

  beforeAll(async () => {
    workshop = await openWorkshop();
    device = await startSystemdDevice(await mkdtemp(join(tmpdir(), 'edgewise-systemd-')), 'pi');
    // Files of his own: what is linked belongs to root.
    execFileSync('cp', ['-a', join(workshop.template, '.edgewise'), join(device.home, '.edgewise')]);
    execFileSync('chown', ['-R', '1000:1000', join(device.home, '.edgewise')]);
  }, 60_000);
  afterAll(async () => {
    await device?.stop();
    await workshop?.close();
  });

  const drift = () => device.withMachine(machine => findServiceDrift(machine, 'auto'));
  const show = (property: string) => device.systemctl('show', '-P', property, UNIT);
  const supervisor = () => device.control('cat', '/home/pi/.edgewise/supervisor.pid');

  it('keeps the agent by a unit of the user that is enabled, and devices --check finds nothing', async () => {
    expect(await drift()).toEqual(['no systemd unit']);
    await deployAdding(workshop, device, 1);
    expect(await answerOnceServing(device.port)).toBe(1);
    expect([await show('ActiveState'), await show('UnitFileState')]).toEqual(['active', 'enabled']);
    expect(await drift()).toEqual([]);
    const file = await readFile(join(device.home, '.config/systemd/user', UNIT), 'utf8');
    expect(file).toContain('WantedBy=default.target');
    expect(await device.control('systemctl', 'is-active', UNIT), "not the system's").toBe('inactive');
  }, 60_000);

  it('holds it in the sandbox that a user can have here, and its unit says no more than holds', async () => {
    const pid = await show('MainPID');
    const status = await device.control('grep', '-E', '^(Uid|NoNewPrivs|Seccomp):', `/proc/${pid}/status`);
    expect(status).toMatch(/Uid:\t1000\t.*\nNoNewPrivs:\t1\nSeccomp:\t2/);
    const file = await readFile(join(device.home, '.config/systemd/user', UNIT), 'utf8');
    const mounts = await device.control('cat', `/proc/${pid}/mountinfo`);
    expect(/ \/home\/pi ro/.test(mounts)).toBe(file.includes('ProtectHome='));
    expect(file).not.toContain('CapabilityBoundingSet=');
  });

  it('starts it again after kill -9, goes on to other releases, and serves after the device was off', async () => {
    const killed = await supervisor();
    await device.control('kill', '-9', killed);
    while ((await supervisor()) === killed || (await supervisor()) === '') await sleep(20);
    expect(await answerOnceServing(device.port)).toBe(1);
    await deployAdding(workshop, device, 2);
    expect(await answerOnceServing(device.port)).toBe(2);
    await device.restart();
    expect(await answerOnceServing(device.port)).toBe(2);
    expect(await show('ActiveState')).toBe('active');
    expect(await drift()).toEqual([]);
  }, 60_000);
});

it('a device that lends its home keeps its own supervisor, and says why where systemd is asked for', async () => {
  const home = await mkdtemp(join(tmpdir(), 'edgewise-no-systemd-'));
  const machine = await connectLocal(home, {});
  try {
    await keepByService(machine, 'auto');
    expect(await findServiceDrift(machine, 'auto')).toEqual([]);
    await expect(keepByService(machine, 'systemd')).rejects.toMatchObject({
      code: 'systemd-unavailable',
      exitCode: 13,
      message: expect.stringMatching(/^pi-7 cannot keep the agent by systemd: /) as string,
    });
    expect(await findServiceDrift(machine, 'systemd')).toEqual([expect.stringMatching(/^no systemd unit: /)]);
  } finally {
    await machine.close();
    await rm(home, {recursive: true, force: true});
  }
});
