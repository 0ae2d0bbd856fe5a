import {copyFile, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Readiness} from '../../src/documents/readiness.ts';
import {findFreePort} from '../integration/freePort.ts';
import {startOpenSshServer, type OpenSshServer} from '../integration/sshServers.ts';
import {ROOT, jsonOf, runEdgewise, type Ended} from './runEdgewise.ts';

describe('edgewise doctor', () => {
  let folder: string;
  let server: OpenSshServer | null;
  let closedPort: number;
  const edgewise = (...args: string[]): Promise<Ended> =>
    runEdgewise(['doctor', ...args], {cwd: join(folder, 'project'), home: folder});
  const verdictsOf = (ended: Ended, subject: string) =>
    jsonOf<Readiness>(ended)
      .checks.filter(check => check.subject === subject)
      .map(({what, verdict}) => [what, verdict]);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-doctor-'));
    await mkdir(join(folder, 'project'));
    server = await startOpenSshServer({configuration: [`SetEnv HOME=${folder}`]});
    closedPort = await findFreePort();
    await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(folder, 'project/pictures.onnx'));
    await writeFile(join(folder, 'project/ssh_config'), '');
    await writeFile(
      join(folder, 'project/edgewise.yaml'),
      [
        'kind: edgewise/project',
        'formatVersion: 1',
        'model: {file: pictures.onnx}',
        'ssh: {configFile: ssh_config, knownHostsFile: known_hosts}',
        'devices:',
        '  - {name: here, address: local}',
        `  - {name: gone, address: 127.0.0.1, port: ${closedPort}}`,
        ...(server === null
          ? []
          : [
              `  - {name: board, address: 127.0.0.1, port: ${server.port}, user: ${server.user}, identityFile: ${server.userKeyFile}}`,
            ]),
        'clouds:',
        `  - {name: cloud, url: 'http://127.0.0.1:${closedPort}'}`,
        '',
      ].join('\n'),
    );
  });

  afterAll(async () => {
    await server?.stop();
    await rm(folder, {recursive: true, force: true});
  });

  it('looks at this machine, the cloud and every device, and exits 1 for what is missing', async () => {
    const ended = await edgewise('--json');
    expect(ended.exitCode).toBe(1);
    expect(jsonOf<Readiness>(ended).isReady).toBe(false);
    expect(verdictsOf(ended, 'this machine')).toEqual([
      ['node', 'ready'],
      ['onnxruntime', 'ready'],
      ['runtime-files', 'ready'],
    ]);
    expect(verdictsOf(ended, 'cloud')).toEqual([['cloud', 'not-ready']]);
    expect(verdictsOf(ended, 'gone')).toEqual([['connection', 'not-ready']]);
    expect(verdictsOf(ended, 'here')).toEqual(
      ['connection', 'architecture', 'libc', 'disk', 'sha256', 'clock', 'runtime', 'release'].map(what => [
        what,
        'ready',
      ]),
    );
  });

  it('says of a host seen for the first time how to trust it, and takes its key only when asked to', async context => {
    if (server === null) return context.skip('OpenSSH is not installed here');
    const unknown = jsonOf<Readiness>(await edgewise('board', '--json')).checks.find(
      ({subject}) => subject === 'board',
    );
    expect(unknown).toMatchObject({what: 'connection', verdict: 'not-ready'});
    expect(unknown?.hint).toContain('--accept-new-host-keys');
    expect(verdictsOf(await edgewise('board', '--accept-new-host-keys', '--json'), 'board')).toContainEqual([
      'sha256',
      'ready',
    ]);
    expect(verdictsOf(await edgewise('board', '--json'), 'board')[0]).toEqual(['connection', 'ready']);
  });

  it('shows people a line for each, with what to do', async () => {
    const {stdout, exitCode} = await edgewise('gone');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^ {2}ok {3}node: Node \d+/m);
    expect(stdout).toMatch(/^ {2}NO {3}connection: gone .*\n(.*\n)? {7}→ ssh /m);
    expect(stdout).toMatch(/Not ready: 2 of \d+ checks say no\.\n$/);
  });

  it('without a project looks at this machine alone, and refuses devices that there are not', async () => {
    const alone = await runEdgewise(['doctor', '--json'], {cwd: folder, home: folder});
    expect(alone.exitCode).toBe(0);
    expect(jsonOf<Readiness>(alone).checks.at(-1)).toMatchObject({what: 'project', verdict: 'warning'});
    expect((await edgewise('nobody')).exitCode).toBe(2);
  });
});
