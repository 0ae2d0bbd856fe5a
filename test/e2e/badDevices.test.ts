import {chmod, copyFile, mkdir, readdir, readFile, writeFile} from 'node:fs/promises';
import {createServer, type AddressInfo} from 'node:net';
import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {findFreePort} from '../integration/freePort.ts';
import {knownHostsLine, makeKey, startOpenSshServer} from '../integration/sshServers.ts';
import {inTemporaryFolder, jsonOf, ROOT, runEdgewise, type RunSettings} from './runEdgewise.ts';

interface Failure {
  readonly error: {readonly code: string; readonly message: string; readonly hints: readonly string[]};
}

async function prepareProject(folder: string, device: string): Promise<RunSettings> {
  await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(folder, 'pictures.onnx'));
  await writeFile(join(folder, 'ssh_config'), 'Host *\n  ConnectTimeout 2\n');
  await writeFile(
    join(folder, 'edgewise.yaml'),
    `kind: edgewise/project\nformatVersion: 1\nmodel: {file: pictures.onnx, inputs: {image: [1, 3, 32, 32]}}\nssh: {configFile: ssh_config, knownHostsFile: known_hosts}\ndevices:\n  - ${device}\n`,
  );
  const home = join(folder, 'home');
  await mkdir(home);
  return {cwd: folder, home};
}

async function profileFails(settings: RunSettings): Promise<{exitCode: number | null} & Failure['error']> {
  const ended = await runEdgewise(['profile', '--runs', '3', '--json'], settings);
  expect(ended.stderr).not.toMatch(/bug in edgewise/);
  return {exitCode: ended.exitCode, ...jsonOf<Failure>(ended).error};
}

describe('a device that cannot be reached', () => {
  it('unknown, changed and refused keys', async context => {
    const server = await startOpenSshServer();
    if (server === null) return context.skip('sshd is not installed here');
    try {
      await inTemporaryFolder(async folder => {
        const device = (key: string) =>
          `{name: pi, address: ${server.host}, port: ${server.port}, user: ${server.user}, identityFile: ${key}}`;
        const settings = await prepareProject(folder, device(server.userKeyFile));
        expect(await profileFails(settings)).toMatchObject({exitCode: 11, code: 'host-key-unknown'});
        expect(existsSync(join(folder, 'known_hosts'))).toBe(false);

        const otherKey = await makeKey(join(folder, 'other'));
        await writeFile(
          join(folder, 'known_hosts'),
          `${await knownHostsLine({...server, hostKeyFile: otherKey})}\n`,
        );
        const changed = await profileFails(settings);
        expect(changed).toMatchObject({exitCode: 11, code: 'host-key-changed'});
        expect(changed.message).toMatch(/known_hosts:1/);

        await writeFile(join(folder, 'known_hosts'), `${await knownHostsLine(server)}\n`);
        const text = device(otherKey);
        await writeFile(
          join(folder, 'edgewise.yaml'),
          `kind: edgewise/project\nformatVersion: 1\nmodel: {file: pictures.onnx, inputs: {image: [1, 3, 32, 32]}}\nssh: {configFile: ssh_config, knownHostsFile: known_hosts}\ndevices:\n  - ${text}\n`,
        );
        expect(await profileFails(settings)).toMatchObject({exitCode: 11, code: 'authentication-refused'});
      });
    } finally {
      await server.stop();
    }
  });

  it('a host that refuses connections, and one that never says a word', async () => {
    await inTemporaryFolder(async folder => {
      const settings = await prepareProject(
        folder,
        `{name: pi, address: 127.0.0.1, port: ${await findFreePort()}}`,
      );
      expect(await profileFails(settings)).toMatchObject({exitCode: 11, code: 'device-unreachable'});
    });
    const silent = createServer(() => {});
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
    const {port} = silent.address() as AddressInfo;
    try {
      await inTemporaryFolder(async folder => {
        const settings = await prepareProject(folder, `{name: pi, address: 127.0.0.1, port: ${port}}`);
        expect(await profileFails(settings)).toMatchObject({exitCode: 11, code: 'device-unreachable'});
      });
    } finally {
      silent.close();
    }
  });
});

describe('a device that cannot take the runtime', () => {
  /** A device whose own tools say what such hardware says. */
  async function deviceSaying(folder: string, tools: Readonly<Record<string, string>>): Promise<RunSettings> {
    const settings = await prepareProject(folder, '{name: here, address: local}');
    const bin = join(folder, 'tools');
    await mkdir(bin);
    for (const [name, script] of Object.entries(tools)) {
      await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
      await chmod(join(bin, name), 0o755);
    }
    return {...settings, environment: {PATH: `${bin}:${process.env['PATH'] ?? ''}`}};
  }

  it('of an unsupported architecture', async () => {
    await inTemporaryFolder(async folder => {
      const settings = await deviceSaying(folder, {
        uname: 'case "$1" in -m) echo armv7l;; *) echo Linux 6.1.0;; esac',
        getconf: 'case "$1" in LONG_BIT) echo 32;; *) echo glibc 2.36;; esac',
      });
      const failure = await profileFails(settings);
      expect(failure).toMatchObject({exitCode: 13, code: 'architecture-unsupported'});
      expect(await readdir(settings.home)).toEqual([]);
    });
  });

  it('of an unsupported C library', async () => {
    await inTemporaryFolder(async folder => {
      const settings = await deviceSaying(folder, {
        getconf: 'case "$1" in LONG_BIT) echo 64;; *) echo glibc 2.24;; esac',
      });
      const failure = await profileFails(settings);
      expect(failure).toMatchObject({exitCode: 13, code: 'libc-unsupported'});
      expect(failure.message).toContain('2.24');
      expect(await readdir(settings.home)).toEqual([]);
    });
  });

  it('with a full disk', async context => {
    if (process.getuid?.() !== 0) return context.skip('mounting a small disk takes root');
    await inTemporaryFolder(async folder => {
      const settings = await prepareProject(folder, '{name: here, address: local}');
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', settings.home]);
      try {
        const failure = await profileFails(settings);
        expect(failure).toMatchObject({exitCode: 12, code: 'disk-full'});
        expect(failure.message).toMatch(/MB free/);
        const blobs = join(settings.home, '.edgewise/blobs/sha256');
        expect(existsSync(blobs) ? await readdir(blobs) : []).toEqual([]);
        for (const file of await readdir(join(settings.home, '.edgewise/locks')))
          expect(await readFile(join(settings.home, '.edgewise/locks', file), 'utf8')).toMatch(/^- /);
      } finally {
        execFileSync('umount', [settings.home]);
      }
    });
  });
});
