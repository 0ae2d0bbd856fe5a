import {copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {stringify} from 'yaml';
import type {EmitEvent} from '../../src/events.ts';
import {ignoreEvents} from '../../src/events.ts';
import {plan} from '../../src/workflows/plan.ts';
import {push, type PushResult} from '../../src/workflows/push.ts';
import {deviceProfile, readLayers} from '../e2e/fleetProfiles.ts';
import {ROOT} from '../e2e/runEdgewise.ts';
import type {TestSshServer} from './sshServers.ts';

export type PushedDevice = Pick<TestSshServer, 'port' | 'user' | 'userKeyFile' | 'knownHostsFile'> & {
  readonly endpointPort: number;
};

/** A project with one device and a plan for it that is pushed again and again, each time as another release. */
export interface PushedProject {
  readonly folder: string;
  /** What the last push noted. */
  notes(): readonly string[];
  pushNext(options?: {readonly isSame?: boolean; readonly emit?: EmitEvent}): Promise<PushResult>;
  /** From the next push on. */
  moveDevice(device: PushedDevice): Promise<void>;
  remove(): Promise<void>;
}

export async function openPushedProject(device: PushedDevice, sshConfig = ''): Promise<PushedProject> {
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-pushed-'));
  const savedKey = process.env['EDGEWISE_KEY'];
  process.env['EDGEWISE_KEY'] = join(folder, 'key.pem');
  await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(folder, 'pictures.onnx'));
  await writeFile(join(folder, 'ssh_config'), sshConfig);
  const moveDevice = (to: PushedDevice): Promise<void> =>
    writeFile(
      join(folder, 'edgewise.yaml'),
      stringify({
        kind: 'edgewise/project',
        formatVersion: 1,
        model: {file: 'pictures.onnx', inputs: {image: [1, 3, 32, 32]}},
        ssh: {configFile: 'ssh_config', knownHostsFile: to.knownHostsFile},
        devices: [
          {
            name: 'pi',
            address: '127.0.0.1',
            port: to.port,
            user: to.user,
            identityFile: to.userKeyFile,
            endpointPort: to.endpointPort,
          },
        ],
      }),
    );
  await moveDevice(device);
  const layers = await readLayers(folder);
  await mkdir(join(folder, 'profiles'));
  // Made up, and slow: how fast the device is does not matter here.
  const profile = deviceProfile('pi', layers, {slowness: 50, megabits: 10, seed: 1});
  await writeFile(join(folder, 'profiles/pi.yaml'), profile);
  const {plans} = await plan(
    {projectPath: folder, devices: [], goals: {constraints: {pins: []}}},
    ignoreEvents,
  );
  const planText = await readFile(plans[0]?.file ?? '', 'utf8');
  let pushes = 0;
  let notes: string[] = [];
  return {
    folder,
    moveDevice,
    notes: () => notes,
    async pushNext({isSame = false, emit = ignoreEvents} = {}) {
      if (!isSame) pushes += 1;
      const madeAt = new Date(Date.UTC(2026, 0, 1) + pushes * 1000).toISOString();
      const planFile = join(folder, 'next.yaml');
      await writeFile(planFile, planText.replace(/^madeAt: .*$/m, `madeAt: ${madeAt}`));
      notes = [];
      return push({projectPath: folder, planFile, connect: {acceptNewHostKeys: true}}, event => {
        if (event.kind === 'note') notes.push(event.text);
        emit(event);
      });
    },
    async remove() {
      if (savedKey === undefined) delete process.env['EDGEWISE_KEY'];
      else process.env['EDGEWISE_KEY'] = savedKey;
      await rm(folder, {recursive: true, force: true});
    },
  };
}
