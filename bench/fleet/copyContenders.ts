import {execFile, spawn} from 'node:child_process';
import {existsSync} from 'node:fs';
import {readFile, writeFile} from 'node:fs/promises';
import {tmpdir, userInfo} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {digestOfBytes} from '../../src/workspace/digest.ts';
import {compileAsShipped} from './compileAsShipped.ts';
import type {BenchFleet} from './openFleet.ts';

const run = promisify(execFile);
/** Kept between runs: installing it takes a minute. */
const VENV = join(tmpdir(), 'edgewise-bench-ansible');

/** Ours, as a process of its own: lock, what is there, sending, SHA-256 of the file at rest, its name. */
export async function timeShipping(fleet: BenchFleet, bytes: Uint8Array): Promise<number> {
  const file = join(fleet.folder, 'shipped');
  await writeFile(file, bytes);
  const members = fleet.servers.map(({server}, at) => ({name: `real-${at}`, port: server.port}));
  const order = join(fleet.folder, 'ship.json');
  await writeFile(order, JSON.stringify({folder: fleet.folder, file, members}));
  const program = await compileAsShipped('shipper.ts');
  const seconds = await timeProcess(process.execPath, [program, order], {});
  const hex = digestOfBytes(bytes).slice('sha256:'.length);
  await requireArrived(fleet, bytes, root => join(root, 'blobs/sha256', hex));
  return seconds;
}

/** Ansible with as many forks as devices, and no gathering of facts: one copy task and nothing else. */
export async function openAnsible(
  fleet: BenchFleet,
): Promise<{readonly version: string; time(bytes: Uint8Array): Promise<number>}> {
  const {folder, servers} = fleet;
  if (!existsSync(join(VENV, 'bin/ansible-playbook'))) {
    await run('python3', ['-m', 'venv', VENV]);
    await run(join(VENV, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', 'ansible-core']);
  }
  const {stdout} = await run(join(VENV, 'bin/ansible'), ['--version']);
  const version = /core ([\d.]+)/.exec(stdout)?.[1] ?? '?';
  const inventory = join(folder, 'inventory');
  const hosts = servers.map(
    ({server, device}, at) =>
      `real-${at} ansible_host=127.0.0.1 ansible_port=${server.port} destination=${device.root}/copied`,
  );
  await writeFile(
    inventory,
    [
      ...hosts,
      '[all:vars]',
      `ansible_user=${userInfo().username}`,
      `ansible_ssh_private_key_file=${join(folder, 'user_key')}`,
      `ansible_ssh_common_args=-F none -o UserKnownHostsFile=${join(folder, 'known_hosts')}`,
      'ansible_python_interpreter=/usr/bin/python3',
      '',
    ].join('\n'),
  );
  const playbook = join(folder, 'copy.yml');
  const source = join(folder, 'to-copy');
  await writeFile(
    playbook,
    [
      '- hosts: all',
      '  gather_facts: false',
      '  tasks:',
      `    - ansible.builtin.copy: {src: ${source}, dest: "{{ destination }}", mode: "0600"}`,
      '',
    ].join('\n'),
  );
  return {
    version,
    async time(bytes) {
      await writeFile(source, bytes);
      const argv = ['-i', inventory, '--forks', String(servers.length), playbook];
      const environment = {HOME: folder, ANSIBLE_NOCOLOR: '1', ANSIBLE_LOCALHOST_WARNING: 'false'};
      const seconds = await timeProcess(join(VENV, 'bin/ansible-playbook'), argv, environment);
      await requireArrived(fleet, bytes, root => join(root, 'copied'));
      return seconds;
    },
  };
}

async function requireArrived(
  {servers}: BenchFleet,
  bytes: Uint8Array,
  pathIn: (root: string) => string,
): Promise<void> {
  for (const {device} of servers)
    if (!(await readFile(pathIn(device.root))).equals(bytes))
      throw new Error(`${device.root} has other bytes`);
}

async function timeProcess(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const startedMs = performance.now();
  const child = spawn(program, args, {
    env: {...process.env, ...environment},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise<number | null>(resolve => child.once('close', resolve));
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${said}`);
  return (performance.now() - startedMs) / 1000;
}
