import {copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {stringify} from 'yaml';
import type {FleetPlan} from '../../src/documents/fleetPlan.ts';
import type {Plan} from '../../src/documents/plan.ts';
import {planFromYaml} from '../../src/documents/readDocument.ts';
import {ROOT, jsonOf, runEdgewise, type Ended} from './runEdgewise.ts';
import {cloudProfile, deviceProfile, readLayers, type FleetLayers} from './fleetProfiles.ts';

const DEVICES_PER_CLASS = 50;
/** Hardware in 5 speeds × links in 4 bandwidths, each at least twice the next: 20 classes by nature. */
const SLOWNESS = [1, 2.5, 6, 15, 40];
const MEGABITS = [100, 30, 8, 1.5];

interface Answer {
  readonly plans: readonly {readonly file: string; readonly plan: Plan}[];
  readonly fleet: FleetPlan;
}

describe('planning a fleet', () => {
  let folder: string;
  let layers: FleetLayers;
  const names: string[] = [];
  const edgewise = (...args: string[]): Promise<Ended> =>
    runEdgewise(['plan', ...args], {cwd: folder, home: folder});

  /** The project with this cloud, groups and rates besides its devices. */
  const writeProject = (rest: {cloud?: object; devices?: readonly object[]; [key: string]: unknown} = {}) => {
    const {cloud, devices, ...others} = rest;
    return writeFile(
      join(folder, 'edgewise.yaml'),
      stringify({
        kind: 'edgewise/project',
        formatVersion: 1,
        model: {file: 'pictures.onnx', inputs: {image: [1, 3, 32, 32]}},
        devices: devices ?? names.map(name => ({name, address: `${name}.example`})),
        clouds: [{name: 'cloud', url: 'http://cloud.example:8700', ...cloud}],
        ...others,
      }),
    );
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-fleet-'));
    await mkdir(join(folder, 'profiles'));
    await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(folder, 'pictures.onnx'));
    await writeProject({devices: [{name: 'any', address: 'any.example'}]});
    layers = await readLayers(folder);
    await writeFile(join(folder, 'profiles/cloud.yaml'), cloudProfile('cloud', layers));
    for (const [speed, slowness] of SLOWNESS.entries())
      for (const [rate, megabits] of MEGABITS.entries())
        for (let index = 0; index < DEVICES_PER_CLASS; index++) {
          // The classes' devices lie scattered among one another.
          const number = index * SLOWNESS.length * MEGABITS.length + speed * MEGABITS.length + rate;
          const name = `device-${String(number).padStart(4, '0')}`;
          names.push(name);
          await writeFile(
            join(folder, 'profiles', `${name}.yaml`),
            deviceProfile(name, layers, {slowness, megabits, seed: number}),
          );
        }
    await writeProject();
  });

  afterAll(() => rm(folder, {recursive: true, force: true}));

  it('of 1,000 devices in 20 classes solves 20 problems and says who belongs where', async () => {
    const ended = await edgewise('--json');
    expect(ended.exitCode, ended.stdout).toBe(0);
    const {plans, fleet} = jsonOf<Answer>(ended);
    expect(ended.stderr.match(/: plan\b/g)).toHaveLength(20);
    expect(plans).toHaveLength(20);
    expect(await readdir(join(folder, 'plans'))).toHaveLength(20);
    expect(fleet.classes.map(({devices}) => devices.length)).toEqual(Array(20).fill(DEVICES_PER_CLASS));
    for (const [index, {devices, representative, planFile}] of fleet.classes.entries()) {
      expect(new Set(devices.map(name => Number(name.slice(-4)) % 20)).size).toBe(1);
      const written = planFromYaml(await readFile(planFile, 'utf8'), planFile);
      expect(written).toMatchObject({device: representative, devices, estimatedDevices: []});
      expect(written.certificate).toEqual(plans[index]?.plan.certificate);
      expect(Object.keys(written.madeFrom)).toContain(`profile ${representative}`);
    }
    expect(fleet.cloudLoad).toBeNull();
  });

  it('shows people one row a class and its devices as ranges', async () => {
    const {stdout, exitCode} = await edgewise();
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^1000 devices in 20 classes: 20 plans\.$/m);
    expect(stdout.split('\n').filter(line => /^arm64\S* +50 /.test(line))).toHaveLength(20);
    const table = stdout.slice(0, stdout.indexOf('Written to '));
    for (const line of table.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect(stdout).toContain(`Written to ${join(folder, 'plans')}, a file for each class.`);
  });

  it('plans a named device for itself, into a plan that speaks of it alone', async () => {
    const {plans} = jsonOf<Answer>(await edgewise('device-0007', '--json'));
    expect(plans.map(({file, plan}) => [file.endsWith('plans/device-0007.yaml'), plan.device])).toEqual([
      [true, 'device-0007'],
    ]);
    expect(plans[0]?.plan).not.toHaveProperty('devices');
  });

  it('takes groups by label as they are declared: one profile speaks for those that have none', async () => {
    const north = {labels: {site: 'north'}};
    await writeProject({
      devices: [
        {name: 'new-1', address: 'new-1.example', ...north},
        {name: 'device-0000', address: 'a.example', ...north},
        {name: 'device-0003', address: 'b.example', ...north},
        {name: 'device-0020', address: 'c.example'},
      ],
      groups: [{name: 'northern', selector: {site: 'north'}}],
    });
    const whole = await edgewise('--json');
    const {fleet} = jsonOf<Answer>(whole);
    expect(
      fleet.classes.map(({name, devices, estimatedDevices}) => [name, devices, estimatedDevices]),
    ).toEqual([
      ['device-0020', ['device-0020'], []],
      ['northern', ['device-0000', 'device-0003', 'new-1'], ['new-1']],
    ]);
    expect(whole.stderr).toMatch(
      /Group northern is planned from the profile of device-0000; measured otherwise/,
    );

    const group = jsonOf<Answer>(await edgewise('northern', '--json'));
    expect(group.plans.map(({plan}) => plan.class)).toEqual(['northern']);
    const newcomer = jsonOf<Answer>(await edgewise('new-1', '--json'));
    expect(newcomer.plans[0]?.plan).toMatchObject({
      device: 'device-0000',
      class: 'new-1',
      devices: ['new-1'],
      estimatedDevices: ['new-1'],
    });
  });

  it('names everyone whom no profile speaks for, and writes nothing', async () => {
    await rm(join(folder, 'plans'), {recursive: true});
    await writeProject({
      devices: Array.from({length: 9}, (_, index) => ({name: `bare-${index}`, address: 'x.example'})),
    });
    const {exitCode, stderr} = await edgewise();
    expect(exitCode).toBe(2);
    expect(stderr).toContain(
      'No profile speaks for 9 devices: bare-0, bare-1, bare-2, bare-3, bare-4 and 4 more.',
    );
    await expect(readdir(join(folder, 'plans'))).rejects.toThrow();
  });

  it('prices what the fleet asks of a shared cloud, and refuses what that cannot serve', async () => {
    const asking = {requestRate: '2 requests/s'};
    const cloud = {pricePerHour: '0.25 EUR', maxUtilization: '50 %'};
    await writeProject({cloud, ...asking});
    const {fleet} = jsonOf<Answer>(await edgewise('--json'));
    const load = fleet.cloudLoad!;
    expect(load.requestsPerSecond).toBe(2000);
    expect(load.busyInstances).toBeCloseTo(
      load.classes.reduce((sum, each) => sum + (each.requestsPerSecond * each.cloudMs) / 1000, 0),
      6,
    );
    expect(load.neededInstances).toBe(Math.ceil(load.busyInstances / 0.5));
    expect(load.neededInstances).toBeGreaterThan(1);
    expect(load.price?.perHour).toBeCloseTo(load.neededInstances * 0.25, 9);

    await rm(join(folder, 'plans'), {recursive: true});
    await writeProject({cloud: {...cloud, instances: 1}, ...asking});
    const refused = await edgewise();
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/keep \S+ instances of cloud busy; its 1 may be busy to 50 %/);
    expect(refused.stderr).toContain(`Set instances: ${load.neededInstances} for cloud`);
    await expect(readdir(join(folder, 'plans'))).rejects.toThrow();

    await writeProject({cloud: {...cloud, instances: load.neededInstances}, ...asking});
    expect((await edgewise()).exitCode).toBe(0);
  });
});
